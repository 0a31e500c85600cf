/* SPDX-License-Identifier: MIT */
/* Runs 32-bit code that decodes itself, counts instructions and writes, answers its system calls.
 * cc decode.c $(pkg-config --cflags --libs nestbox) */
#include <nestbox.h>
#include <stdio.h>

enum { BASE = 0x400000, STACK = 0x800000 };
static const unsigned char code[] =
    "\xeb\x0f\x5e\x31\xc9\xb1\x17\x89\xf7\x80\x36\x5a\x46\xe2\xfa\xff\xe7\xe8\xec\xff\xff\xff"
    "\x6b\x81\x19\x32\x34\x38\x7b\x50\xd3\xbb\x30\x5e\x00\x30\x5e\x02\x97\xda\x6b\x9a\x1a\x97"
    "\xda";

static int count(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *counter)
{
    (void)cpu, (void)ev;
    ++*(unsigned *)counter;
    return NB_CPU_PASS;
}

static int on_interrupt(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *user)
{
    char text[64] = "";
    uint32_t len = nb_cpu_get(cpu, NB_CPU_EDX);

    (void)ev, (void)user;
    if (nb_cpu_get(cpu, NB_CPU_EAX) == 4 && len <= sizeof text) { /* write; exit is all else */
        nb_cpu_mem_read(cpu, nb_cpu_get(cpu, NB_CPU_ECX), text, len, NULL);
        printf("%.*s", (int)len, text);
    } else {
        nb_cpu_stop(cpu);
    }
    return NB_CPU_TAKEN;
}

int main(void)
{
    struct nb_cpu_options how = { .size = sizeof how, .mode = NB_CPU_USER32 };
    struct nb_cpu_exit end = { .size = sizeof end };
    unsigned char now[sizeof code];
    unsigned insns = 0, writes = 0;
    struct nb_error e = { 0 };
    char text[128];
    struct nb_cpu *cpu = nb_cpu_new(&how, &e);

    if (!cpu || !nb_cpu_map(cpu, BASE, 0x1000, NB_CPU_RWX, &e) ||
        !nb_cpu_map(cpu, STACK - 0x4000, 0x4000, NB_CPU_R | NB_CPU_W, &e) ||
        !nb_cpu_mem_write(cpu, BASE, code, sizeof code - 1, &e) ||
        !nb_cpu_hook_add(cpu, NB_CPU_HOOK_CODE, 1, 0, count, &insns, &e) ||
        !nb_cpu_hook_add(cpu, NB_CPU_HOOK_WRITE, BASE, BASE + 0xfff, count, &writes, &e) ||
        !nb_cpu_hook_add(cpu, NB_CPU_HOOK_INTERRUPT, 0x80, 0x80, on_interrupt, NULL, &e))
        return fprintf(stderr, "%s\n", e.text), 1;
    nb_cpu_set(cpu, NB_CPU_EIP, BASE);
    nb_cpu_set(cpu, NB_CPU_ESP, STACK);
    nb_cpu_run(cpu, NULL, &end);
    nb_cpu_mem_read(cpu, BASE, now, sizeof now, NULL);
    printf("%s, %u seen, %u writes\n", nb_cpu_exit_text(&end, text, sizeof text), insns, writes);
    for (unsigned k = 22; k < sizeof now - 1; k++)
        printf("%02x%s", now[k], k == sizeof now - 2 ? "\n" : " ");
    nb_cpu_free(cpu);
}
