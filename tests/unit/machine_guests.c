/* SPDX-License-Identifier: MIT */
/* The guests of machine_rig.h, assembled by hand: bytes with their instructions. */
#include "tests/unit/machine_rig.h"

const u8 guest_busy[] = {
    /* start: */
    0xfa,                                    /* cli */
    0xfc,                                    /* cld */
    0x31, 0xc0,                              /* xor ax,ax */
    0x8e, 0xd8,                              /* mov ds,ax */
    0x8e, 0xd0,                              /* mov ss,ax */
    0xbc, 0x00, 0x70,                        /* mov sp,0x7000 */
    0xb8, 0x00, 0xb8,                        /* mov ax,0xb800 */
    0x8e, 0xc0,                              /* mov es,ax */
    0xb8, 0x00, 0xf0,                        /* mov ax,0xf000 */
    0xc7, 0x06, 0x20, 0x00, 0x75, 0x01,      /* mov WORD PTR ds:0x20,0x175 */
    0xa3, 0x22, 0x00,                        /* mov ds:0x22,ax */
    0xc7, 0x06, 0x24, 0x00, 0xa1, 0x01,      /* mov WORD PTR ds:0x24,0x1a1 */
    0xa3, 0x26, 0x00,                        /* mov ds:0x26,ax */
    0xc7, 0x06, 0x30, 0x00, 0x84, 0x01,      /* mov WORD PTR ds:0x30,0x184 */
    0xa3, 0x32, 0x00,                        /* mov ds:0x32,ax */
    0xc7, 0x06, 0xc0, 0x01, 0xb5, 0x01,      /* mov WORD PTR ds:0x1c0,0x1b5 */
    0xa3, 0xc2, 0x01,                        /* mov ds:0x1c2,ax */
    0xc7, 0x06, 0xd8, 0x01, 0xc8, 0x01,      /* mov WORD PTR ds:0x1d8,0x1c8 */
    0xa3, 0xda, 0x01,                        /* mov ds:0x1da,ax */
    0xba, 0xf8, 0x0c,                        /* mov dx,0xcf8 */
    0x66, 0xb8, 0x04, 0x09, 0x00, 0x80,      /* mov eax,0x80000904 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x05, 0x00, 0x00, 0x00,      /* mov eax,0x5 */
    0x66, 0xef,                              /* out dx,eax */
    0xba, 0xf8, 0x0c,                        /* mov dx,0xcf8 */
    0x66, 0xb8, 0x40, 0x09, 0x00, 0x80,      /* mov eax,0x80000940 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x00, 0x80, 0x00, 0x80,      /* mov eax,0x80008000 */
    0x66, 0xef,                              /* out dx,eax */
    0xba, 0xf8, 0x0c,                        /* mov dx,0xcf8 */
    0x66, 0xb8, 0x04, 0x10, 0x00, 0x80,      /* mov eax,0x80001004 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x03, 0x00, 0x00, 0x00,      /* mov eax,0x3 */
    0x66, 0xef,                              /* out dx,eax */
    0xb0, 0x11,                              /* mov al,0x11 */
    0xe6, 0x20,                              /* out 0x20,al */
    0xe6, 0xa0,                              /* out 0xa0,al */
    0xb0, 0x08,                              /* mov al,0x8 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0x70,                              /* mov al,0x70 */
    0xe6, 0xa1,                              /* out 0xa1,al */
    0xb0, 0x04,                              /* mov al,0x4 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0x02,                              /* mov al,0x2 */
    0xe6, 0xa1,                              /* out 0xa1,al */
    0xb0, 0x01,                              /* mov al,0x1 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xe6, 0xa1,                              /* out 0xa1,al */
    0xb0, 0xe8,                              /* mov al,0xe8 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0xbe,                              /* mov al,0xbe */
    0xe6, 0xa1,                              /* out 0xa1,al */
    0xb0, 0x34,                              /* mov al,0x34 */
    0xe6, 0x43,                              /* out 0x43,al */
    0x30, 0xc0,                              /* xor al,al */
    0xe6, 0x40,                              /* out 0x40,al */
    0xb0, 0x04,                              /* mov al,0x4 */
    0xe6, 0x40,                              /* out 0x40,al */
    0xb0, 0x0a,                              /* mov al,0xa */
    0xe6, 0x70,                              /* out 0x70,al */
    0xb0, 0x26,                              /* mov al,0x26 */
    0xe6, 0x71,                              /* out 0x71,al */
    0xb0, 0x0b,                              /* mov al,0xb */
    0xe6, 0x70,                              /* out 0x70,al */
    0xb0, 0x42,                              /* mov al,0x42 */
    0xe6, 0x71,                              /* out 0x71,al */
    0xe8, 0xac, 0x00,                        /* call 16e <kbwait> */
    0xb0, 0xae,                              /* mov al,0xae */
    0xe6, 0x64,                              /* out 0x64,al */
    0xe8, 0xa5, 0x00,                        /* call 16e <kbwait> */
    0xb0, 0x60,                              /* mov al,0x60 */
    0xe6, 0x64,                              /* out 0x64,al */
    0xe8, 0x9e, 0x00,                        /* call 16e <kbwait> */
    0xb0, 0x41,                              /* mov al,0x41 */
    0xe6, 0x60,                              /* out 0x60,al */
    0xe8, 0x97, 0x00,                        /* call 16e <kbwait> */
    0xb0, 0xf4,                              /* mov al,0xf4 */
    0xe6, 0x60,                              /* out 0x60,al */
    0xba, 0xfb, 0x03,                        /* mov dx,0x3fb */
    0xb0, 0x03,                              /* mov al,0x3 */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0xb0, 0x0b,                              /* mov al,0xb */
    0xee,                                    /* out dx,al */
    0xba, 0xf6, 0x03,                        /* mov dx,0x3f6 */
    0x30, 0xc0,                              /* xor al,al */
    0xee,                                    /* out dx,al */
    0xb2, 0xf7,                              /* mov dl,0xf7 */
    0xb6, 0x01,                              /* mov dh,0x1 */
    0xec,                                    /* in al,dx */
    0xa8, 0x80,                              /* test al,0x80 */
    0x75, 0xfb,                              /* jne ef <start+0xef> */
    0xdb, 0xe3,                              /* fninit */
    0x66, 0xbb, 0x01, 0x00, 0x00, 0x00,      /* mov ebx,0x1 */
    0xfb,                                    /* sti */
    /* again: */
    0x66, 0x69, 0xdb, 0x0d, 0x66, 0x19, 0x00, /* imul ebx,ebx,0x19660d */
    0x66, 0x81, 0xc3, 0x5f, 0xf3, 0x6e, 0x3c, /* add ebx,0x3c6ef35f */
    0x66, 0x89, 0xdf,                        /* mov edi,ebx */
    0x66, 0xc1, 0xef, 0x11,                  /* shr edi,0x11 */
    0x67, 0x66, 0x89, 0x9f, 0xf0, 0x7f, 0x00, 0x00, /* mov DWORD PTR [edi+0x7ff0],ebx */
    0x89, 0xdf,                              /* mov di,bx */
    0x81, 0xe7, 0xfe, 0x0f,                  /* and di,0xffe */
    0x26, 0x89, 0x1d,                        /* mov WORD PTR es:[di],bx */
    0x66, 0xff, 0x06, 0x00, 0x05,            /* inc DWORD PTR ds:0x500 */
    0xb0, 0x00,                              /* mov al,0x0 */
    0xe6, 0x43,                              /* out 0x43,al */
    0xe4, 0x40,                              /* in al,0x40 */
    0xe4, 0x40,                              /* in al,0x40 */
    0xe6, 0x80,                              /* out 0x80,al */
    0xdb, 0x06, 0x00, 0x05,                  /* fild DWORD PTR ds:0x500 */
    0xd9, 0xfa,                              /* fsqrt */
    0xdd, 0x1e, 0x20, 0x05,                  /* fstp QWORD PTR ds:0x520 */
    0x66, 0x89, 0xd8,                        /* mov eax,ebx */
    0x66, 0xc1, 0xe8, 0x18,                  /* shr eax,0x18 */
    0x24, 0x0f,                              /* and al,0xf */
    0x0a, 0x06, 0x04, 0x05,                  /* or al,BYTE PTR ds:0x504 */
    0x75, 0x20,                              /* jne 16b <pause> */
    0xc6, 0x06, 0x04, 0x05, 0x80,            /* mov BYTE PTR ds:0x504,0x80 */
    0xba, 0xf2, 0x01,                        /* mov dx,0x1f2 */
    0xb0, 0x01,                              /* mov al,0x1 */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0xa0, 0x00, 0x05,                        /* mov al,ds:0x500 */
    0x24, 0x07,                              /* and al,0x7 */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0x30, 0xc0,                              /* xor al,al */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0xb0, 0xe0,                              /* mov al,0xe0 */
    0xee,                                    /* out dx,al */
    0x42,                                    /* inc dx */
    0xb0, 0x20,                              /* mov al,0x20 */
    0xee,                                    /* out dx,al */
    /* pause: */
    0x90,                                    /* nop */
    0xeb, 0x8f,                              /* jmp fd <again> */
    /* kbwait: */
    0xe4, 0x64,                              /* in al,0x64 */
    0xa8, 0x02,                              /* test al,0x2 */
    0x75, 0xfa,                              /* jne 16e <kbwait> */
    0xc3,                                    /* ret */
    /* irq0: */
    0x50,                                    /* push ax */
    0x52,                                    /* push dx */
    0x66, 0xff, 0x06, 0x0c, 0x05,            /* inc DWORD PTR ds:0x50c */
    0xba, 0xf9, 0x03,                        /* mov dx,0x3f9 */
    0xb0, 0x02,                              /* mov al,0x2 */
    0xee,                                    /* out dx,al */
    0xeb, 0x2a,                              /* jmp 1ae <eoi> */
    /* irq4: */
    0x50,                                    /* push ax */
    0x52,                                    /* push dx */
    0xba, 0xfa, 0x03,                        /* mov dx,0x3fa */
    0xec,                                    /* in al,dx */
    0x3c, 0x02,                              /* cmp al,0x2 */
    0x75, 0x0b,                              /* jne 199 <irq4+0x15> */
    0xba, 0xf8, 0x03,                        /* mov dx,0x3f8 */
    0xa0, 0x18, 0x05,                        /* mov al,ds:0x518 */
    0xfe, 0x06, 0x18, 0x05,                  /* inc BYTE PTR ds:0x518 */
    0xee,                                    /* out dx,al */
    0xba, 0xf9, 0x03,                        /* mov dx,0x3f9 */
    0x30, 0xc0,                              /* xor al,al */
    0xee,                                    /* out dx,al */
    0xeb, 0x0d,                              /* jmp 1ae <eoi> */
    /* irq1: */
    0x50,                                    /* push ax */
    0x52,                                    /* push dx */
    0xe4, 0x60,                              /* in al,0x60 */
    0x66, 0xff, 0x06, 0x14, 0x05,            /* inc DWORD PTR ds:0x514 */
    0xba, 0xf8, 0x03,                        /* mov dx,0x3f8 */
    0xee,                                    /* out dx,al */
    /* eoi: */
    0xb0, 0x20,                              /* mov al,0x20 */
    0xe6, 0x20,                              /* out 0x20,al */
    0x5a,                                    /* pop dx */
    0x58,                                    /* pop ax */
    0xcf,                                    /* iret */
    /* irq8: */
    0x50,                                    /* push ax */
    0x52,                                    /* push dx */
    0xb0, 0x0c,                              /* mov al,0xc */
    0xe6, 0x70,                              /* out 0x70,al */
    0xe4, 0x71,                              /* in al,0x71 */
    0x66, 0xff, 0x06, 0x1c, 0x05,            /* inc DWORD PTR ds:0x51c */
    /* eoi2: */
    0xb0, 0x20,                              /* mov al,0x20 */
    0xe6, 0xa0,                              /* out 0xa0,al */
    0xeb, 0xe6,                              /* jmp 1ae <eoi> */
    /* irq14: */
    0x50,                                    /* push ax */
    0x52,                                    /* push dx */
    0x51,                                    /* push cx */
    0x57,                                    /* push di */
    0x06,                                    /* push es */
    0x31, 0xc9,                              /* xor cx,cx */
    0x8e, 0xc1,                              /* mov es,cx */
    0xba, 0xf7, 0x01,                        /* mov dx,0x1f7 */
    0xec,                                    /* in al,dx */
    0xba, 0xf0, 0x01,                        /* mov dx,0x1f0 */
    0xbf, 0x00, 0x20,                        /* mov di,0x2000 */
    0xb5, 0x01,                              /* mov ch,0x1 */
    0xf3, 0x6d,                              /* rep ins WORD PTR es:[di],dx */
    0xa0, 0x00, 0x20,                        /* mov al,ds:0x2000 */
    0x00, 0x06, 0x08, 0x05,                  /* add BYTE PTR ds:0x508,al */
    0xc6, 0x06, 0x04, 0x05, 0x00,            /* mov BYTE PTR ds:0x504,0x0 */
    0x07,                                    /* pop es */
    0x5f,                                    /* pop di */
    0x59,                                    /* pop cx */
    0xeb, 0xd2,                              /* jmp 1c2 <eoi2> */
};
const size_t guest_busy_len = sizeof(guest_busy);

const u8 guest_reset[] = {
    /* start: */
    0xfa,                                    /* cli */
    0x31, 0xc0,                              /* xor ax,ax */
    0x8e, 0xd8,                              /* mov ds,ax */
    0x8e, 0xd0,                              /* mov ss,ax */
    0xbc, 0x00, 0x70,                        /* mov sp,0x7000 */
    0xb0, 0x0f,                              /* mov al,0xf */
    0xe6, 0x70,                              /* out 0x70,al */
    0xe4, 0x71,                              /* in al,0x71 */
    0xe6, 0xf4,                              /* out 0xf4,al */
    0x66, 0xc7, 0x06, 0x00, 0x05, 0x78, 0x56, 0x34, 0x12, /* mov DWORD PTR ds:0x500,0x12345678 */
    0xba, 0xf8, 0x0c,                        /* mov dx,0xcf8 */
    0x66, 0xb8, 0x58, 0x00, 0x00, 0x80,      /* mov eax,0x80000058 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x30, 0x00, 0x33, 0x33,      /* mov eax,0x33330030 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xf8,                              /* mov dl,0xf8 */
    0x66, 0xb8, 0x60, 0x08, 0x00, 0x80,      /* mov eax,0x80000860 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x0a, 0x0b, 0x0a, 0x0b,      /* mov eax,0xb0a0b0a */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xf8,                              /* mov dl,0xf8 */
    0x66, 0xb8, 0x40, 0x09, 0x00, 0x80,      /* mov eax,0x80000940 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x00, 0x80, 0x00, 0x80,      /* mov eax,0x80008000 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xf8,                              /* mov dl,0xf8 */
    0x66, 0xb8, 0x10, 0x10, 0x00, 0x80,      /* mov eax,0x80001010 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0x66, 0xb8, 0x00, 0x00, 0x00, 0xe8,      /* mov eax,0xe8000000 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xf8,                              /* mov dl,0xf8 */
    0x66, 0xb8, 0x04, 0x10, 0x00, 0x80,      /* mov eax,0x80001004 */
    0x66, 0xef,                              /* out dx,eax */
    0xb2, 0xfc,                              /* mov dl,0xfc */
    0xb0, 0x03,                              /* mov al,0x3 */
    0xee,                                    /* out dx,al */
    0xb0, 0x11,                              /* mov al,0x11 */
    0xe6, 0x20,                              /* out 0x20,al */
    0xb0, 0x50,                              /* mov al,0x50 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0x04,                              /* mov al,0x4 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0x01,                              /* mov al,0x1 */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0x5a,                              /* mov al,0x5a */
    0xe6, 0x21,                              /* out 0x21,al */
    0xb0, 0xb6,                              /* mov al,0xb6 */
    0xe6, 0x43,                              /* out 0x43,al */
    0xb0, 0x33,                              /* mov al,0x33 */
    0xe6, 0x42,                              /* out 0x42,al */
    0xe6, 0x42,                              /* out 0x42,al */
    0xe6, 0x61,                              /* out 0x61,al */
    0xb0, 0x44,                              /* mov al,0x44 */
    0xe6, 0x0b,                              /* out 0xb,al */
    0xba, 0xf9, 0x03,                        /* mov dx,0x3f9 */
    0xb0, 0x0f,                              /* mov al,0xf */
    0xee,                                    /* out dx,al */
    0xba, 0xc4, 0x03,                        /* mov dx,0x3c4 */
    0xb8, 0x02, 0x03,                        /* mov ax,0x302 */
    0xef,                                    /* out dx,ax */
    0xba, 0xf2, 0x01,                        /* mov dx,0x1f2 */
    0xb0, 0x77,                              /* mov al,0x77 */
    0xee,                                    /* out dx,al */
    0xb8, 0x00, 0xb8,                        /* mov ax,0xb800 */
    0x8e, 0xc0,                              /* mov es,ax */
    0x26, 0xc7, 0x06, 0x00, 0x00, 0x34, 0x12, /* mov WORD PTR es:0x0,0x1234 */
    0xb0, 0x0f,                              /* mov al,0xf */
    0xe6, 0x70,                              /* out 0x70,al */
    /* code: */
    0xb0, 0x00,                              /* mov al,0x0 */
    0xe6, 0x71,                              /* out 0x71,al */
    /* method: */
    0xb3, 0x00,                              /* mov bl,0x0 */
    0x80, 0xfb, 0x01,                        /* cmp bl,0x1 */
    0x74, 0x15,                              /* je e2 <kbc> */
    0x72, 0x1f,                              /* jb ee <port92> */
    0x80, 0xfb, 0x03,                        /* cmp bl,0x3 */
    0x72, 0x26,                              /* jb fa <cf9_06> */
    0x74, 0x2f,                              /* je 105 <cf9_04> */
    0x80, 0xfb, 0x04,                        /* cmp bl,0x4 */
    0x74, 0x35,                              /* je 110 <cf9_0e> */
    0x2e, 0x0f, 0x01, 0x1e, 0x19, 0x01,      /* lidtw cs:0x119 */
    0xcc,                                    /* int3 */
    /* kbc: */
    0xe4, 0x64,                              /* in al,0x64 */
    0xa8, 0x02,                              /* test al,0x2 */
    0x75, 0xfa,                              /* jne e2 <kbc> */
    0xb0, 0xfe,                              /* mov al,0xfe */
    0xe6, 0x64,                              /* out 0x64,al */
    0xeb, 0x28,                              /* jmp 116 <stay> */
    /* port92: */
    0xe4, 0x92,                              /* in al,0x92 */
    0x24, 0xfe,                              /* and al,0xfe */
    0xe6, 0x92,                              /* out 0x92,al */
    0x0c, 0x01,                              /* or al,0x1 */
    0xe6, 0x92,                              /* out 0x92,al */
    0xeb, 0x1c,                              /* jmp 116 <stay> */
    /* cf9_06: */
    0xba, 0xf9, 0x0c,                        /* mov dx,0xcf9 */
    0xb0, 0x02,                              /* mov al,0x2 */
    0xee,                                    /* out dx,al */
    0xb0, 0x06,                              /* mov al,0x6 */
    0xee,                                    /* out dx,al */
    0xeb, 0x11,                              /* jmp 116 <stay> */
    /* cf9_04: */
    0xba, 0xf9, 0x0c,                        /* mov dx,0xcf9 */
    0xb0, 0x00,                              /* mov al,0x0 */
    0xee,                                    /* out dx,al */
    0xb0, 0x04,                              /* mov al,0x4 */
    0xee,                                    /* out dx,al */
    0xeb, 0x06,                              /* jmp 116 <stay> */
    /* cf9_0e: */
    0xba, 0xf9, 0x0c,                        /* mov dx,0xcf9 */
    0xb0, 0x0e,                              /* mov al,0xe */
    0xee,                                    /* out dx,al */
    /* stay: */
    0xf4,                                    /* hlt */
    0xeb, 0xfd,                              /* jmp 116 <stay> */
    /* zero: */
    0x00, 0x00,                              /* add BYTE PTR [bx+si],al */
    0x00, 0x00,                              /* add BYTE PTR [bx+si],al */
    0x00, 0x00,                              /* add BYTE PTR [bx+si],al */
    0x00, 0x00,                              /* add BYTE PTR [bx+si],al */
};
const size_t guest_reset_len = sizeof(guest_reset);
