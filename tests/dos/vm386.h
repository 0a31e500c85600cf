/* SPDX-License-Identifier: MIT */
/* The counters of VM386, as int 67h AX=5D02h gives them. */
#ifndef NB_TESTS_DOS_VM386_H
#define NB_TESTS_DOS_VM386_H

        C_CLI = 0
        C_STI = 4
        C_PUSHF = 8
        C_POPF = 12
        C_INT = 16
        C_IRET = 20
        C_HLT = 24
        C_IN = 28
        C_OUT = 32
        C_PORT = 36                     /* of the last IN or OUT; then its size in bits less one */
        C_SIZE = 40
        C_SYSTEM = 44                   /* MOV CR, CLTS, WBINVD */
        C_EXCEPTION = 48                /* handed on */
        C_GP = 52                       /* general protection that was not ours */
        C_IRQ = 56
        C_KEPT = 60                     /* came while the guest had them off */
        C_LATE = 64                     /* and were handed on later */
        C_MOVE = 68                     /* int 15h AH=87h */
        C_VCPI = 72
        C_BACK = 76                     /* from a client to V86 mode */
        C_LEN = 80

#endif
