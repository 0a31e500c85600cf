/* SPDX-License-Identifier: MIT */
/*
 * The answer to keys: what the BIOS made of a key (name, scan code, ASCII), and the raw bytes that
 * the keyboard sent, which INT 15h AH=4Fh shows before the BIOS looks at them.
 */
    .include "defs.inc"
    .code16
    .text
    .globl  keys_init, key_waiting, key_get, key_show, raw_show

    .set    RAW_COUNT, 8

keys_init:
    pushfl
    cli
    movl    0x15 * 4, %eax
    movl    %eax, old_int15
    movl    $int15, 0x15 * 4
    popfl
    ret

int15:
    cmpb    $0x4f, %ah
    je      1f
    ljmp    *%cs:old_int15
1:  pushw   %bp
    movw    %sp, %bp
    orw     $1, 6(%bp)                  /* carry: the BIOS goes on with this byte */
    pushw   %bx
    movzbw  %cs:raw_next, %bx
    movb    %al, %cs:raw_bytes(%bx)
    incb    %cs:raw_next
    andb    $(RAW_COUNT - 1), %cs:raw_next
    movb    $1, %cs:raw_changed
    popw    %bx
    popw    %bp
    iret

/* ZF clear when a key waits. Reads the BIOS's pointers: no call, since HLT follows if none does. */
key_waiting:
    pushw   %ax
    movw    BDA_KEY_HEAD, %ax
    cmpw    BDA_KEY_TAIL, %ax
    popw    %ax
    ret

/* AX = the next key, as INT 16h AH=10h gives it. */
key_get:
    movb    $0x10, %ah
    int     $0x16
    ret

/* Describe the key AX on row 23. */
key_show:
    pushal
    movw    %ax, key_code
    AT      23, 1, 51
    ATTR    HEAD
    SAY     "Key         "
    ATTR    BRIGHT
    call    print_key_name
    ATTR    TEXT
    movw    scr_pos, %ax                /* the rest starts in a fixed column when it can */
    cmpw    $((23 * 80 + 30) * 2), %ax
    jae     1f
    movb    $30, %al
    call    screen_skip_to
1:  SAY     "  scan "
    movzbl  key_code + 1, %eax
    movb    $2, %cl
    call    put_hex
    movzbl  key_code, %eax
    testb   %al, %al
    jz      2f
    cmpb    $0xe0, %al                  /* marks the grey keys, unless Alt+keypad made it */
    je      2f
    SAY     "  ASCII "
    call    put_hex
    cmpb    $' ', %al
    jbe     2f
    SAY     " "
    call    putc
2:  call    screen_fill
    popal
    ret

/* The raw bytes, oldest first, right of it. */
raw_show:
    pushal
    movb    $0, raw_changed
    AT      23, 52, 27
    ATTR    DIM
    SAY     "raw"
    movzbw  raw_next, %bx
    movb    $RAW_COUNT, %ch
1:  movzbl  raw_bytes(%bx), %eax
    pushw   %ax
    SAYC    ' '
    popw    %ax
    testb   %al, %al                    /* no key sends 00: not filled yet */
    jz      2f
    movb    $2, %cl
    call    put_hex
2:  incw    %bx
    andw    $(RAW_COUNT - 1), %bx
    decb    %ch
    jnz     1b
    call    screen_fill
    ATTR    TEXT
    popal
    ret

/* The name of key_code, with the modifiers that are down. */
print_key_name:
    movb    BDA_SHIFT, %dl
    testb   $4, %dl
    jz      1f
    SAY     "Ctrl+"
1:  testb   $8, %dl
    jz      1f
    SAY     "Alt+"
1:  testb   $3, %dl
    jz      1f
    SAY     "Shift+"
1:  movb    key_code + 1, %al           /* scan code */
    movw    $text_typed, %si
    testb   %al, %al                    /* Alt and digits on the keypad */
    jz      8f
    movb    key_code, %ah
    movw    $text_enter, %si            /* grey Enter and grey / come with E0 as scan code */
    cmpb    $0xe0, %al
    jne     2f
    cmpb    $'/', %ah
    jne     8f
    movw    $text_slash, %si
    jmp     8f
    /* The modified codes of keys; ranges of F keys, then single ones. */
2:  movw    $key_ranges, %di
3:  cmpb    $0, (%di)
    je      5f
    cmpb    (%di), %al
    jb      4f
    cmpb    1(%di), %al
    ja      4f
    subb    (%di), %al
    addb    2(%di), %al
    pushw   %ax
    SAYC    'F'
    popw    %ax
    movzbl  %al, %eax
    call    put_dec
    ret
4:  addw    $3, %di
    jmp     3b
5:  movw    $key_singles, %di
6:  cmpb    $0, (%di)
    je      7f
    cmpb    (%di), %al
    je      9f
    addw    $2, %di
    jmp     6b
9:  movb    1(%di), %al
7:  movw    $text_other_key, %si
    cmpb    $0x78, %al                  /* Alt+1 ... Alt+= */
    jb      1f
    cmpb    $0x83, %al
    ja      1f
    subb    $0x76, %al
1:  cmpb    $KEY_NAMES, %al
    ja      8f
    movzbw  %al, %cx
    movw    $key_names, %si
    jcxz    8f
1:  lodsb                               /* the CXth string */
    testb   %al, %al
    jnz     1b
    loop    1b
8:  call    puts
    ret

    .section .rodata, "a"
text_typed: .asciz "typed by number"
text_enter: .asciz "Enter"
text_slash: .asciz "/"
text_other_key: .asciz "key"

            /* first, last, number of the first */
key_ranges: .byte 0x3b, 0x44, 1         /* F1-F10 */
            .byte 0x54, 0x5d, 1         /* with Shift */
            .byte 0x5e, 0x67, 1         /* with Ctrl */
            .byte 0x68, 0x71, 1         /* with Alt */
            .byte 0x57, 0x58, 11        /* raw F11, F12 */
            .byte 0x85, 0x86, 11
            .byte 0x87, 0x88, 11
            .byte 0x89, 0x8a, 11
            .byte 0x8b, 0x8c, 11
            .byte 0
            /* what Ctrl and Alt make of the cursor and editing keys, and their plain code */
key_singles: .byte 0x73, 0x4b, 0x74, 0x4d, 0x75, 0x4f, 0x76, 0x51, 0x77, 0x47, 0x84, 0x49
            .byte 0x8d, 0x48, 0x91, 0x50, 0x92, 0x52, 0x93, 0x53, 0x94, 0x0f, 0x95, 0x35
            .byte 0x96, 0x37, 0x8e, 0x4a, 0x90, 0x4e, 0x8f, 0x4c
            .byte 0x97, 0x47, 0x98, 0x48, 0x99, 0x49, 0x9b, 0x4b, 0x9d, 0x4d, 0x9f, 0x4f
            .byte 0xa0, 0x50, 0xa1, 0x51, 0xa2, 0x52, 0xa3, 0x53, 0xa4, 0x35, 0xa5, 0x0f
            .byte 0xa6, 0x1c
            .byte 0

    .set    KEY_NAMES, 0x56
key_names:  .asciz "", "Esc", "1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-", "="
            .asciz "Backspace", "Tab", "Q", "W", "E", "R", "T", "Y", "U", "I", "O", "P", "[", "]"
            .asciz "Enter", "Ctrl", "A", "S", "D", "F", "G", "H", "J", "K", "L", ";", "'", "`"
            .asciz "Shift", "\\", "Z", "X", "C", "V", "B", "N", "M", ",", ".", "/", "Shift"
            .asciz "*", "Alt", "Space", "Caps Lock"
            .asciz "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9", "F10"
            .asciz "Num Lock", "Scroll Lock", "Home", "Up", "Page Up", "-", "Left", "5", "Right"
            .asciz "+", "End", "Down", "Page Down", "Insert", "Delete", "SysRq", "", "102nd key"

    .bss
    .balign 4
old_int15:  .skip 4
key_code:   .skip 2
raw_bytes:  .skip RAW_COUNT
raw_next:   .skip 1
raw_changed: .skip 1
    .globl  raw_changed
