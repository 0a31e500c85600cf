/* SPDX-License-Identifier: MIT */
/* X12: results and flags of DIV, IDIV, MUL, XADD, CMPXCHG8B, the decimal and ASCII adjusts, shifts and
 * rotates, as sums over many operands (SUM lines). The same file is also linked as a program for the
 * host (host.c), and tests/asm/run wants the same sums from both: what silicon says, with no number
 * written down here. Undefined flags are masked by SDM 1 appendix A. Divisions that overflow must be
 * #DE with nothing changed. */
#include "kernel.h"

enum { CF = 1, PF = 4, AF = 16, ZF = 64, SF = 128, OF = 2048, ALL = CF | PF | AF | ZF | SF | OF };

static u32 sum;

static void add(u32 v)
{
    for (unsigned k = 0; k < 4; k++) {
        sum = (sum ^ (v & 0xff)) * 16777619u;
        v >>= 8;
    }
}

static void report(const char *name)
{
    print("SUM %s %08x\n", name, sum);
    sum = 2166136261u;
}

static const u32 values[] = {
    0, 1, 2, 3, 5, 7, 9, 10, 15, 16, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x101, 0x7fff, 0x8000, 0x8001,
    0xfffe, 0xffff, 0x10000, 0x10001, 0x12345678, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001,
    0xdeadbeef, 0xfffffffe, 0xffffffff, 0x55555555, 0xaaaaaaaa, 0x3b9aca00, 0x99999999, 0x0fedcba9,
};
enum { N = ARRAY_LEN(values) };

/* ---- division: the quotient must fit, else #DE (checked on bare metal only) */
#ifdef HOST
#define DIVIDES(code) ((void)0)
#else
static u32 de_wrong, de_count;
#define DIVIDES(code) do { \
        de_count++; \
        if (!CATCH(code) || trap.vec != EXC_DE) \
            de_wrong++; \
    } while (0)
#endif

static void divisions(void)
{
    for (unsigned h = 0; h < N; h++) {
        for (unsigned l = 0; l < N; l++) {
            for (unsigned d = 0; d < N; d++) {
                u32 hi = values[h], lo = values[l], by = values[d], q, r;

                if (by > hi) {
                    __asm__ volatile("divl %4" : "=a"(q), "=d"(r) : "0"(lo), "1"(hi), "r"(by) : "cc");
                    add(q);
                    add(r);
                } else {
                    DIVIDES(__asm__ volatile("divl %2" :: "a"(lo), "d"(hi), "r"(by) : "cc"));
                }
                if ((u16)by > (u16)hi) {
                    u16 q16, r16;
                    __asm__ volatile("divw %4" : "=a"(q16), "=d"(r16)
                                     : "0"((u16)lo), "1"((u16)hi), "r"((u16)by) : "cc");
                    add(q16 | (u32)r16 << 16);
                }
                if ((u8)by > (u8)hi) {
                    u16 ax = (u16)((u8)lo | hi << 8);
                    __asm__ volatile("divb %1" : "+a"(ax) : "q"((u8)by) : "cc");
                    add(ax);
                }
            }
        }
    }
    report("div");
    for (unsigned h = 0; h < N; h++) {
        for (unsigned d = 0; d < N; d++) {
            u32 by = values[d], q, r;
            i32 lo = (i32)values[h];
            /* sign-extended dividends: only INT_MIN / -1 and / 0 overflow */
            if (by && !(lo == (i32)0x80000000 && by == 0xffffffff)) {
                __asm__ volatile("cltd; idivl %3" : "=a"(q), "=&d"(r) : "0"(lo), "r"(by) : "cc");
                add(q);
                add(r);
            } else {
                DIVIDES(__asm__ volatile("cltd; idivl %1" :: "a"(lo), "c"(by) : "edx", "cc"));
            }
            if ((u16)by && !((u16)lo == 0x8000 && (u16)by == 0xffff)) {
                u16 q16, r16;
                __asm__ volatile("cwtd; idivw %3" : "=a"(q16), "=&d"(r16) : "0"((u16)lo), "r"((u16)by) : "cc");
                add(q16 | (u32)r16 << 16);
            }
            if ((u8)by && !((u8)lo == 0x80 && (u8)by == 0xff)) {
                u16 ax = (u8)lo;
                __asm__ volatile("cbtw; idivb %1" : "+a"(ax) : "q"((u8)by) : "cc");
                add(ax);
            }
        }
    }
    report("idiv");
}

#define OP2(insn, con, T, a, b, mask) do { \
        T a_ = (T)(a); \
        u32 f_ = 2; \
        __asm__ volatile("pushl %1; popfl; " insn " %2, %0; pushfl; popl %1" \
                         : "+" con(a_), "+&r"(f_) : con((T)(b)) : "cc"); \
        add(a_); \
        add(f_ & (mask)); \
    } while (0)

static void arithmetic(void)
{
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b++) {
            for (unsigned c = 0; c < 2; c++) {
                u32 f = 2 | c;
                u8 v = (u8)a;
#define BYTE(insn, mask) do { \
        v = (u8)a; \
        f = 2 | c; \
        __asm__ volatile("pushl %1; popfl; " insn " %2, %0; pushfl; popl %1" \
                         : "+q"(v), "+&r"(f) : "q"((u8)b) : "cc"); \
        add(v | (f & (mask)) << 8); \
    } while (0)
                BYTE("addb", ALL);
                BYTE("adcb", ALL);
                BYTE("subb", ALL);
                BYTE("sbbb", ALL);
                BYTE("cmpb", ALL);
                BYTE("andb", ALL & ~AF);
                BYTE("orb", ALL & ~AF);
                BYTE("xorb", ALL & ~AF);
            }
        }
    }
    report("alu8");
    for (unsigned a = 0; a < N; a++) {
        for (unsigned b = 0; b < N; b++) {
            OP2("addl", "r", u32, values[a], values[b], ALL);
            OP2("subl", "r", u32, values[a], values[b], ALL);
            OP2("addw", "r", u16, values[a], values[b], ALL);
            OP2("subw", "r", u16, values[a], values[b], ALL);
            OP2("imull", "r", u32, values[a], values[b], CF | OF);
            OP2("imulw", "r", u16, values[a], values[b], CF | OF);
            u32 lo = values[a], hi = 0, f;
            __asm__ volatile("mull %3; pushfl; popl %2" : "+a"(lo), "=&d"(hi), "=r"(f) : "r"(values[b]) : "cc");
            add(lo);
            add(hi);
            add(f & (CF | OF));
            lo = values[a];
            __asm__ volatile("imull %3; pushfl; popl %2" : "+a"(lo), "=&d"(hi), "=r"(f) : "r"(values[b]) : "cc");
            add(lo);
            add(hi);
            add(f & (CF | OF));
            u16 ax = (u8)values[a];
            __asm__ volatile("mulb %2; pushfl; popl %1" : "+a"(ax), "=&r"(f) : "q"((u8)values[b]) : "cc");
            add(ax | (f & (CF | OF)) << 16);
        }
    }
    report("alu16_32");
}

static void adjusts(void)
{
    for (u32 ax = 0; ax < 65536; ax++) {
        for (unsigned in = 0; in < 4; in++) {
            u32 f0 = 2 | (in & 1 ? CF : 0) | (in & 2 ? AF : 0);
#define ADJ(insn, mask) do { \
        u32 a_ = ax, f_ = f0; \
        __asm__ volatile("pushl %1; popfl; " insn "; pushfl; popl %1" : "+a"(a_), "+&r"(f_) :: "cc"); \
        add(a_ | (f_ & (mask)) << 16); \
    } while (0)
            ADJ("daa", CF | AF | ZF | SF | PF);
            ADJ("das", CF | AF | ZF | SF | PF);
            ADJ("aaa", CF | AF);
            ADJ("aas", CF | AF);
            if (in)
                continue;
            ADJ("aam", ZF | SF | PF);
            ADJ("aad", ZF | SF | PF);
            ADJ(".byte 0xd4, 7", ZF | SF | PF);
            ADJ(".byte 0xd5, 7", ZF | SF | PF);
        }
        if ((ax & 0xff) == 0xff && (ax >> 8 & 15) != 15)
            ax += 0xd00; /* every low byte, sixteen high ones */
    }
    report("adjusts");
}

static void exchanges(void)
{
    for (unsigned a = 0; a < N; a++) {
        for (unsigned b = 0; b < N; b++) {
            u32 m = values[a], r = values[b], f = 2, acc;
            __asm__ volatile("pushl %2; popfl; xaddl %1, %0; pushfl; popl %2" : "+m"(m), "+r"(r), "+&r"(f) :: "cc");
            add(m);
            add(r);
            add(f & ALL);
            m = values[a];
            acc = values[b];
            __asm__ volatile("cmpxchgl %3, %0; pushfl; popl %2" : "+m"(m), "+a"(acc), "=r"(f) : "r"(0x1234) : "cc");
            add(m);
            add(acc);
            add(f & ALL);
            u64 q = (u64)values[a] << 32 | values[b];
            u32 lo = values[b], hi = values[(a + b) % 3 ? a : b];
            f = 0x66;
            __asm__ volatile("pushl $0x8d5; popfl; lock; cmpxchg8b %0; pushfl; popl %%ecx"
                             : "+m"(q), "+a"(lo), "+d"(hi), "+c"(f) : "b"(0x55) : "cc");
            add((u32)q);
            add((u32)(q >> 32));
            add(lo);
            add(hi);
            add(f & ALL); /* ZF alone changes */
        }
    }
    report("exchanges");
}

static void shifts(void)
{
    for (unsigned a = 0; a < N; a++) {
        for (u32 n = 0; n < 40; n++) {
            u32 c = n & 31, one = c == 1 ? OF : 0;
            for (unsigned carry = 0; carry < 2; carry++) {
#define SH(insn, T, con, count_ok, mask, extra) do { \
        T v_ = (T)values[a]; \
        u32 f_ = 2 | carry; \
        if (!(count_ok)) \
            break; \
        __asm__ volatile("pushl %1; popfl; " insn " %%cl, %0; pushfl; popl %1" \
                         : "+" con(v_), "+&r"(f_) : "c"(n) : "cc"); \
        add(v_); \
        add(f_ & ((c ? (mask) : ALL) | (extra))); \
    } while (0)
                SH("shll", u32, "r", true, CF | ZF | SF | PF, one);
                SH("shrl", u32, "r", true, CF | ZF | SF | PF, one);
                SH("sarl", u32, "r", true, CF | ZF | SF | PF, one);
                SH("roll", u32, "r", true, CF | ZF | SF | PF | AF, one);
                SH("rorl", u32, "r", true, CF | ZF | SF | PF | AF, one);
                SH("rcll", u32, "r", true, CF | ZF | SF | PF | AF, one);
                SH("rcrl", u32, "r", true, CF | ZF | SF | PF | AF, one);
                SH("shlw", u16, "r", c < 16, CF | ZF | SF | PF, one);
                SH("rclw", u16, "r", true, CF, one);
                SH("rcrw", u16, "r", true, CF, one);
                SH("rolb", u8, "q", true, CF, one);
                SH("rclb", u8, "q", true, CF, one);
                SH("rcrb", u8, "q", true, CF, one);
                SH("sarb", u8, "q", c < 8, CF | ZF | SF | PF, one);
            }
            for (unsigned b = 0; b < N; b += 3) {
                u32 v = values[a], f = 2;
                __asm__ volatile("pushl %1; popfl; shldl %%cl, %2, %0; pushfl; popl %1"
                                 : "+r"(v), "+&r"(f) : "r"(values[b]), "c"(n) : "cc");
                add(v);
                add(f & ((c ? CF | ZF | SF | PF : ALL) | one));
                v = values[a];
                __asm__ volatile("shrdl %%cl, %2, %0; pushfl; popl %1"
                                 : "+r"(v), "=&r"(f) : "r"(values[b]), "c"(n) : "cc");
                add(v);
                add(f & (c ? CF | ZF | SF | PF : 0));
            }
        }
    }
    report("shifts");
}

void test_main(void)
{
    sum = 2166136261u;
    divisions();
    arithmetic();
    adjusts();
    exchanges();
    shifts();
#ifndef HOST
    check(!de_wrong && de_count > 10000, "division_overflow", "%u of %u", de_wrong, de_count);
#endif
}
