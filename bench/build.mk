# SPDX-License-Identifier: MIT
# What bench/run needs, built in the current folder: make -f SOURCE/bench/build.mk S=SOURCE
#
#   timer     for the host: starts an engine and times the marks that it prints
#   programs  static i386: the guest's init and all programs in one, but for those of class apps
#   apps      the same for these, if the libraries were fetched to the folder i386
#   start.rom a ROM that sends a mark with its first instructions
#
# The programs do not depend on which variants of memcpy and the like a C library picks for a CPU:
# nothing that is timed calls the library, except for system calls; apps.c is another matter.

CC := gcc
WARN := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow -Wundef
GUEST := -m32 -std=gnu11 -O2 -march=i686 -mtune=generic -D_GNU_SOURCE -fno-strict-aliasing \
	-fno-pie -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns $(WARN)
GUEST_X87 := -mno-sse -mfpmath=387
GUEST_SSE := -msse2 -mfpmath=sse -DFP_SSE

P := $(S)/bench/programs
X87_OBJS := $(patsubst $(P)/%.c,%.o,$(filter-out $(P)/sse.c $(P)/apps.c,$(wildcard $(P)/*.c)))
SSE_OBJS := sse.o fp_sse.o
APPS := i386/usr

all: timer programs start.rom $(if $(wildcard $(APPS)/lib/i386-linux-gnu/libsqlite3.a),apps)

timer: $(S)/bench/timer.c
	$(CC) -std=gnu11 -O2 -D_GNU_SOURCE $(WARN) -o $@ $< -lutil

programs: $(X87_OBJS) $(SSE_OBJS)
	$(CC) -m32 -static -no-pie -s -o $@ $^
$(X87_OBJS): %.o: $(P)/%.c $(P)/bench.h
	$(CC) $(GUEST) $(GUEST_X87) -c -o $@ $<
sse.o: $(P)/sse.c $(P)/bench.h
	$(CC) $(GUEST) $(GUEST_SSE) -c -o $@ $<
fp_sse.o: $(P)/fp.c $(P)/bench.h
	$(CC) $(GUEST) $(GUEST_SSE) -c -o $@ $<

# The warnings are the linker's, about functions that need the shared C library: none is called.
apps: apps.o main.o init.o disk.o
	$(CC) -m32 -static -no-pie -s -o $@ $^ $(addprefix $(APPS)/lib/i386-linux-gnu/, \
		liblua5.4.a libz.a libbz2.a libsqlite3.a) -lm -lpthread -ldl 2>$@.warnings || \
		{ cat $@.warnings >&2; exit 1; }
apps.o: $(P)/apps.c $(P)/bench.h
	$(CC) $(GUEST) -isystem $(APPS)/include -isystem $(APPS)/include/i386-linux-gnu -c -o $@ $<

# 64 KB that end at the reset vector.
start.rom: $(S)/bench/start.S
	$(CC) -m32 -c -o start.o $<
	objcopy -O binary -j .text start.o $@

.PHONY: all
.DELETE_ON_ERROR:
