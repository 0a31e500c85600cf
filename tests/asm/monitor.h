/* SPDX-License-Identifier: MIT */
/* The BIOS in V86 mode, called as NT calls it: a monitor at CPL 0 with paging on, the BIOS at IOPL 0,
 * so that CLI, STI, PUSHF, POPF, INT and IRET come to the monitor (and IN and OUT, where the I/O
 * permission bitmap says so; it allows all ports at first). For one program to include. */
#ifndef NB_TESTS_ASM_MONITOR_H
#define NB_TESTS_ASM_MONITOR_H

#include "kernel.h"

enum { STUB = 0x7e00, STACK = 0x7d00 };

static u32 sensitive, io_traps; /* counts */
static u32 virtual_if;

static u8 *real(u32 seg, u32 off) { return (u8 *)(seg * 16 + (off & 0xffff)); }

static void push(struct frame *f, u32 v, u32 size)
{
    f->esp = (f->esp & 0xffff0000) | ((f->esp - size) & 0xffff);
    memcpy(real(f->ss, f->esp), &v, size);
}

static u32 pop(struct frame *f, u32 size)
{
    u32 v = 0;

    memcpy(&v, real(f->ss, f->esp), size);
    f->esp = (f->esp & 0xffff0000) | ((f->esp + size) & 0xffff);
    return v;
}

static void set_flags(struct frame *f, u32 v)
{
    const u32 theirs = 0x240cd5; /* CF PF AF ZF SF DF OF, AC and ID: what the BIOS may change */

    virtual_if = v & FL_IF;
    f->eflags = (f->eflags & ~theirs) | (v & theirs);
}

static u32 in_port(u16 port, u32 size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void out_port(u16 port, u32 v, u32 size)
{
    if (size == 1)
        outb(port, (u8)v);
    else if (size == 2)
        outw(port, (u16)v);
    else
        outl(port, v);
}

static void port_access(struct frame *f, u8 op, u16 port, u32 wide)
{
    u32 size = op & 1 ? wide : 1, mask = size == 4 ? ~0u : (1u << size * 8) - 1;

    io_traps++;
    if (op & 2)
        out_port(port, f->eax, size);
    else
        f->eax = (f->eax & ~mask) | (in_port(port, size) & mask);
}

/* #GP from V86 mode: one instruction for the processor. */
static void on_gp(struct frame *f)
{
    u32 ip = f->eip & 0xffff, size = 2;
    u8 op;

    if (!(f->eflags & FL_VM)) {
        print("FAIL #GP in the monitor at %x\n", f->eip);
        finish();
    }
    while ((op = *real(f->cs, ip++)) == 0x66)
        size = 4;
    sensitive++;
    switch (op) {
    case 0x9c:
        push(f, (f->eflags & ~(FL_IF | FL_VM | FL_RF | FL_IOPL3)) | virtual_if, size);
        break;
    case 0x9d: set_flags(f, pop(f, size)); break;
    case 0xcd: {
        u8 n = *real(f->cs, ip++);
        push(f, (f->eflags & ~(FL_IF | FL_VM | FL_RF | FL_IOPL3)) | virtual_if, 2);
        push(f, f->cs, 2);
        push(f, ip & 0xffff, 2);
        virtual_if = 0;
        f->eflags &= ~(u32)FL_TF;
        ip = *(volatile u16 *)(n * 4u);
        f->cs = *(volatile u16 *)(n * 4u + 2);
        break;
    }
    case 0xcf:
        ip = pop(f, size);
        f->cs = pop(f, size) & 0xffff;
        set_flags(f, pop(f, size));
        break;
    case 0xe4: case 0xe5: case 0xe6: case 0xe7:
        port_access(f, op, *real(f->cs, ip++), size);
        break;
    case 0xec: case 0xed: case 0xee: case 0xef: port_access(f, op, (u16)f->edx, size); break;
    case 0xf4: break;
    case 0xfa: virtual_if = 0; break;
    case 0xfb: virtual_if = FL_IF; break;
    default:
        print("FAIL monitor: opcode %02x at %04x:%04x\n", op, f->cs, f->eip);
        finish();
    }
    f->eip = ip & 0xffff;
}

/* What bios_int() takes, all zero. */
static struct user bios_regs(void) { return v86_regs(0, STUB, 0, STACK); }

/* INT n. Registers as given; out they are in `trap`, with AX returned. The stub's UD2 ends it. */
static u16 bios_int(u8 n, struct user *u)
{
    const u8 stub[4] = { 0xcd, n, 0x0f, 0x0b };

    memcpy((void *)STUB, stub, sizeof(stub));
    virtual_if = FL_IF;
    run_user(u);
    if (trap.vec != EXC_UD || trap.cs != 0 || trap.eip != STUB + 2) {
        print("FAIL int %x ax=%x: ended by vector %u at %x:%x\n", n, u->eax, trap.vec, trap.cs,
              trap.eip);
        finish();
    }
    return (u16)trap.eax;
}

static void monitor_on(void)
{
    paging_on();
    handlers[EXC_GP] = on_gp;
    memset(task0.iomap, 0, sizeof(task0.iomap) - 1);
}

#endif
