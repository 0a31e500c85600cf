/* SPDX-License-Identifier: MIT */
/* The kernel-starting option ROM as read-only data of libnestbox. */
    .section .rodata
    .globl  nb_kernel_rom, nb_kernel_rom_end
    .hidden nb_kernel_rom, nb_kernel_rom_end
    .type   nb_kernel_rom, %object
    .balign 16
nb_kernel_rom:
    .incbin "kernel-rom.bin"
nb_kernel_rom_end:
    .size   nb_kernel_rom, nb_kernel_rom_end - nb_kernel_rom

    .section .note.GNU-stack, "", %progbits
