/* SPDX-License-Identifier: MIT */
/*
 * The built-in disk as read-only data of libnestbox. Assembled for the host, whatever that is; the
 * include path names the directory that the linker left builtin-disk.bin in.
 */
    .section .rodata
    .globl  nb_builtin_disk, nb_builtin_disk_end
    .hidden nb_builtin_disk, nb_builtin_disk_end
    .type   nb_builtin_disk, %object
    .balign 16
nb_builtin_disk:
    .incbin "builtin-disk.bin"
nb_builtin_disk_end:
    .size   nb_builtin_disk, nb_builtin_disk_end - nb_builtin_disk

    .section .note.GNU-stack, "", %progbits
