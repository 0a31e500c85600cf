/* SPDX-License-Identifier: MIT */
/* X9: identity. What NT asks in its order: the ID flag, CPUID's leaves and the loop over leaf 2, the
 * microcode signature, the MSRs of the contract (2.3), feature bits that must agree with what executes
 * (SDM 2A CPUID; XP contract 2.1 to 2.3). */
#include "kernel.h"

static u32 edx, ecx1;

static bool msr_ok(u32 n)
{
    return !CATCH(wrmsr(n, rdmsr(n)));
}

static void features_agree(void)
{
    static u8 area[512] __attribute__((aligned(16)));
    u32 r[4], one = 1;
    /* the instructions of a feature are there if and only if its bit is */
#define AGREE(bit, name, code) do { \
        bool ud = CATCH(code) && trap.vec == EXC_UD; \
        check(ud != !!(edx >> (bit) & 1), name, "bit %u, #UD %u", edx >> (bit) & 1, ud); \
    } while (0)
    set_cr0((get_cr0() | CR0_NE) & ~(u32)(CR0_EM | CR0_TS));
    if (edx >> 24 & 1)
        set_cr4(get_cr4() | CR4_OSFXSR | (edx >> 25 & 1 ? CR4_OSXMMEXCPT : 0));
    AGREE(4, "tsc", __asm__ volatile("rdtsc" ::: "eax", "edx"));
    AGREE(5, "msr", rdmsr(0x10));
    AGREE(8, "cx8", __asm__ volatile("cmpxchg8b %0" : "+m"(area) :: "eax", "edx", "cc"));
    AGREE(11, "sep", __asm__ volatile("sysexit" :: "c"(0), "d"(0)));
    AGREE(15, "cmov", __asm__ volatile(".byte 0x0f, 0x44, 0xc0" ::: "eax"));
    AGREE(23, "mmx", __asm__ volatile("emms"));
    AGREE(24, "fxsr", __asm__ volatile("fxsave %0" : "=m"(area)));
    AGREE(25, "sse", __asm__ volatile(".byte 0x0f, 0x57, 0xc0"));              /* xorps xmm0, xmm0 */
    AGREE(26, "sse2", __asm__ volatile(".byte 0x66, 0x0f, 0xef, 0xc0"));       /* pxor xmm0, xmm0 */
    AGREE(19, "clflush", __asm__ volatile(".byte 0x0f, 0xae, 0x3f" :: "D"(area))); /* clflush [edi] */
    bool ud = CATCH(__asm__ volatile(".byte 0xf2, 0x0f, 0x7c, 0xc0")) && trap.vec == EXC_UD; /* haddps */
    check(ud == !(ecx1 & 1), "sse3", "bit %u, #UD %u", ecx1 & 1, ud);
    /* PAUSE is a NOP on all; NOPL and the hints from the Pentium Pro on (contract D14) */
    check(!CATCH(__asm__ volatile("rep; nop")), "pause", "");
    if (edx >> 15 & 1)
        check(!CATCH(__asm__ volatile(".byte 0x0f, 0x1f, 0x00, 0xf3, 0x0f, 0x1e, 0xfb" :: "a"(area))),
              "nopl_endbr32", "");
    cpuid(0, r);
    (void)one;
#undef AGREE
    /* no way to set a bit of CR4 whose feature is not there */
    struct { u32 cr4; bool have; const char *name; } bits[] = {
        { CR4_VME, edx >> 1 & 1, "cr4_vme" }, { CR4_DE, edx >> 2 & 1, "cr4_de" },
        { CR4_PSE, edx >> 3 & 1, "cr4_pse" }, { CR4_TSD, edx >> 4 & 1, "cr4_tsd" },
        { CR4_PAE, edx >> 6 & 1, "cr4_pae" }, { CR4_PGE, edx >> 13 & 1, "cr4_pge" },
        { CR4_OSFXSR, edx >> 24 & 1, "cr4_osfxsr" }, { 1u << 31, false, "cr4_bit31" },
    };
    u32 cr4 = get_cr4();
    for (unsigned k = 0; k < ARRAY_LEN(bits); k++) {
        bool gp = CATCH(set_cr4(cr4 | bits[k].cr4));
        check(gp == !bits[k].have && (!gp || (trap.vec == EXC_GP && !trap.err)), bits[k].name,
              "have %u, #GP %u", bits[k].have, gp);
        set_cr4(cr4);
    }
}

void test_main(void)
{
    u32 r[4], max, sig;
    char vendor[13];

    flags_set(flags_get() | FL_ID);
    check(flags_get() & FL_ID, "id_flag_set", "");
    flags_set(flags_get() & ~(u32)FL_ID);
    check(!(flags_get() & FL_ID), "id_flag_clear", "");
    cpuid(0, r);
    max = r[0];
    memcpy(vendor, &r[1], 4);
    memcpy(vendor + 4, &r[3], 4);
    memcpy(vendor + 8, &r[2], 4);
    vendor[12] = 0;
    cpuid(1, r);
    sig = r[0];
    edx = r[3];
    ecx1 = r[2];
    note("%s, highest leaf %u, signature %x, EDX %x, ECX %x", vendor, max, sig, edx, ecx1);
    u32 family = sig >> 8 & 15;
    if (family == 6) {
        wrmsr(0x8b, 0);
        cpuid(1, r);
        check(!CATCH(rdmsr(0x8b)), "microcode_signature", "");
        check((sig & 0xff) >= 0x33, "sysenter_model", "signature %x", sig);
    }
    check(edx & 1, "fpu_bit", "edx %x", edx);
    if (max >= 2) {
        cpuid(2, r);
        u32 rounds = r[0] & 0xff;
        check(rounds >= 1 && rounds < 16, "leaf2_count", "AL %u", rounds);
    }
    cpuid(0x80000000u, r);
    u32 ext = r[0];
    check(ext == 0 || (ext & 0x80000000u) || max >= 2, "ext_leaf", "%x", ext);
    if (ext >= 0x80000004u && (ext & 0x80000000u)) {
        char brand[49];
        for (u32 k = 0; k < 3; k++) {
            cpuid(0x80000002u + k, r);
            memcpy(brand + 16 * k, r, 16);
        }
        brand[48] = 0;
        note("brand '%s'", brand);
    }
    /* APIC: the bit, MSR 1Bh's enable bit and (elsewhere) the tables must agree; none here */
    if (family == 6 && !(edx >> 9 & 1))
        check(!(rdmsr(0x1b) & 0x800), "no_apic_is_enabled", "msr %x", (u32)rdmsr(0x1b));

    if (family == 6) {
        static const u32 list[] = {
            0x17, 0x1b, 0x2a, 0x79, 0x8b, 0xc1, 0xc2, 0x186, 0x187, 0x174, 0x175, 0x176, 0x179, 0x17a,
            0x198, 0x199, 0x19a, 0x1a0, 0x1d9, 0xfe, 0x200, 0x20f, 0x250, 0x258, 0x259, 0x268, 0x269,
            0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f, 0x277, 0x2ff, 0x400, 0x404, 0x10,
        };
        u32 bad = 0, first = 0;
        for (unsigned k = 0; k < ARRAY_LEN(list); k++) {
            bool read_only = list[k] == 0xfe || list[k] == 0x179 || list[k] == 0x17 || list[k] == 0x198 ||
                             list[k] == 0x79;
            if (read_only ? CATCH(rdmsr(list[k])) : !msr_ok(list[k])) {
                if (!bad++)
                    first = list[k];
            }
        }
        check(!bad, "msrs_of_the_contract", "%u fault, first %x", bad, first);
        check((rdmsr(0x179) & 0xff) <= 5, "mcg_cap", "%x", (u32)rdmsr(0x179));
        u32 banks = (u32)rdmsr(0x179) & 0xff, errors = 0;
        for (u32 k = 0; k < banks; k++)
            errors += rdmsr(0x401 + 4 * k) != 0;
        check(!errors, "machine_check_banks_clean", "%u", errors);
        wrmsr(0x174, 0x1b);
        wrmsr(0x175, 0x12345678);
        wrmsr(0x176, 0x9abcdef0);
        check(rdmsr(0x174) == 0x1b && rdmsr(0x175) == 0x12345678 && rdmsr(0x176) == 0x9abcdef0,
              "sysenter_msrs_hold", "");
        wrmsr(0x174, 0);
        wrmsr(0x277, 0x0007010600070106ull);
        check(rdmsr(0x277) == 0x0007010600070106ull, "pat_holds", "");
        check(CATCH(wrmsr(0x277, 0x0203010600070106ull)) && trap.vec == EXC_GP, "pat_reserved_type", "");
        wrmsr(0x277, 0x0007040600070406ull);
    }
    u64 a, b;
    __asm__ volatile("rdtsc" : "=A"(a));
    __asm__ volatile("rdtsc" : "=A"(b));
    check(b > a, "tsc_moves", "");
    features_agree();
}
