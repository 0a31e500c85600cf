/* SPDX-License-Identifier: MIT */
/* The way into a case and out of it: 64-bit code that is copied to LAB_STUB_AT. It keeps its state
 * at LAB_IO_AT and reaches it by absolute addresses, since at the moment of leaving every register
 * belongs to the case.
 *
 * Entering loads x87/SSE state, data segments, flags, SS and the registers, in an order in which no
 * step disturbs an earlier one (moves don't change flags), and ends in a far jump, which is the
 * only way to 32-bit or 16-bit code that needs no stack. With TF set it is an IRETQ instead, behind
 * which the first trap comes after the case's first instruction. The case's last bytes jump back by
 * far jump.
 * EFLAGS.AC may be set on both ways: all accesses are aligned. */
#include "lab/host.h"

#if LAB_HAVE_HOST

asm(".pushsection .rodata\n"
    ".balign 16\n"
    "lab_stub_code:\n"
    /* void enter(void) */
    "lab_stub_enter:\n"
    "  push %rbx\n  push %rbp\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, 0x5a3c9028\n"
    "  cmpl $0, 0x5a3c9050\n"
    "  je 1f\n"
    "  fxrstor 0x5a3c9100\n"
    "1:\n"
    "  mov 0x5a3c9038, %es\n"
    "  mov 0x5a3c903e, %ds\n"
    "  mov 0x5a3c9040, %fs\n"
    "  mov 0x5a3c9042, %gs\n"
    "  movl $1, 0x5a3c90b8\n"
    "  testl $0x100, 0x5a3c9020\n"
    "  jnz 6f\n"
    "  push 0x5a3c9020\n"
    "  popfq\n"
    "  mov 0x5a3c903c, %ss\n"
    "  mov 0x5a3c9010, %esp\n"
    "  mov 0x5a3c9000, %eax\n"
    "  mov 0x5a3c9004, %ecx\n"
    "  mov 0x5a3c9008, %edx\n"
    "  mov 0x5a3c900c, %ebx\n"
    "  mov 0x5a3c9014, %ebp\n"
    "  mov 0x5a3c9018, %esi\n"
    "  mov 0x5a3c901c, %edi\n"
    "  ljmpl *0x5a3c9030\n"
    "6:\n"
    "  mov 0x5a3c9000, %eax\n"
    "  mov 0x5a3c9004, %ecx\n"
    "  mov 0x5a3c9008, %edx\n"
    "  mov 0x5a3c900c, %ebx\n"
    "  mov 0x5a3c9014, %ebp\n"
    "  mov 0x5a3c9018, %esi\n"
    "  mov 0x5a3c901c, %edi\n"
    "  mov $0x5a3c9500, %esp\n"
    "  iretq\n"
    /* where cases come back to, by far jump to the 64-bit code segment */
    "lab_stub_leave:\n"
    "  mov %eax, 0x5a3c9080\n"
    "  mov %ecx, 0x5a3c9084\n"
    "  mov %edx, 0x5a3c9088\n"
    "  mov %ebx, 0x5a3c908c\n"
    "  mov %esp, 0x5a3c9090\n"
    "  mov %ebp, 0x5a3c9094\n"
    "  mov %esi, 0x5a3c9098\n"
    "  mov %edi, 0x5a3c909c\n"
    "  mov %ss, 0x5a3c90ac\n"
    "  mov 0x5a3c9028, %rsp\n"
    "  pushfq\n"
    "  pop 0x5a3c90a0\n"
    "lab_stub_leave_end:\n"
    "  push $0x202\n"
    "  popfq\n"
    "  mov %es, 0x5a3c90a8\n"
    "  mov %ds, 0x5a3c90ae\n"
    "  mov %fs, 0x5a3c90b0\n"
    "  mov %gs, 0x5a3c90b2\n"
    "  cmpl $0, 0x5a3c9050\n"
    "  je 2f\n"
    "  fxsave 0x5a3c9300\n"
    /* back on the harness's stack; from a signal handler that gave up the case, too */
    "lab_stub_abort:\n"
    "  fninit\n"
    "  ldmxcsr 0x5a3c90e0\n"
    "2:\n"
    "  mov 0x5a3c9028, %rsp\n"
    /* a signal's handler still has the case's NT, at which IRETQ faults */
    "  push $0x202\n"
    "  popfq\n"
    "  movl $0, 0x5a3c90b8\n"
    "  mov $0x2b, %eax\n"
    "  mov %eax, %ss\n"
    "  mov 0x5a3c9048, %rdi\n"
    "  call 4f\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbp\n  pop %rbx\n"
    "  ret\n"
    /* FS base := rdi; the thread's storage lies there. arch_prctl(ARCH_SET_FS) where user mode
     * can't. */
    "4:\n"
    "  cmpl $0, 0x5a3c9060\n"
    "  je 5f\n"
    "  wrfsbase %rdi\n"
    "  ret\n"
    "5:\n"
    "  mov %rdi, %rsi\n"
    "  mov $0x1002, %edi\n"
    "  mov $158, %eax\n"
    "  syscall\n"
    "  ret\n"
    /* signal handler: (signal, info, ucontext); before C code runs, AC and FS must be ours */
    "lab_stub_signal:\n"
    "  pushfq\n"
    "  andl $0xfffbffff, (%rsp)\n"
    "  popfq\n"
    "  mov %es, 0x5a3c90a8\n"
    "  mov %ds, 0x5a3c90ae\n"
    "  mov %fs, 0x5a3c90b0\n"
    "  mov %gs, 0x5a3c90b2\n"
    "  push %rdi\n  push %rsi\n  push %rdx\n"
    "  mov 0x5a3c9048, %rdi\n"
    "  call 4b\n"
    "  pop %rdx\n  pop %rsi\n  pop %rdi\n"
    "  jmp *0x5a3c9058\n"
    "lab_stub_end:\n"
    ".popsection\n");

extern const u8 lab_stub_code[], lab_stub_enter[], lab_stub_leave[], lab_stub_leave_end[],
    lab_stub_abort[], lab_stub_signal[], lab_stub_end[];

struct lab_stub lab_stub(void)
{
    return (struct lab_stub){
        .code = lab_stub_code, .size = (u32)(lab_stub_end - lab_stub_code),
        .enter = (u32)(lab_stub_enter - lab_stub_code),
        .leave = (u32)(lab_stub_leave - lab_stub_code),
        .leave_end = (u32)(lab_stub_leave_end - lab_stub_code),
        .abort = (u32)(lab_stub_abort - lab_stub_code),
        .signal = (u32)(lab_stub_signal - lab_stub_code),
    };
}

#endif
