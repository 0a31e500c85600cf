/* SPDX-License-Identifier: MIT */
#include "frontend/termkeys.h"

#include <string.h>

struct term_key term_key_of_char(unsigned c)
{
    /* HID usages 2Dh-38h, and 1Eh-27h for the digits (USB HID usage tables, section 10) */
    static const char plain[] = "-=[]\\\1;'`,./", shifted[] = "_+{}|\1:\"~<>?";
    static const char digits[] = "1234567890", symbols[] = "!@#$%^&*()";
    const char *at;

    switch (c) {
    case 8: case 127: return (struct term_key){ 0x2a, 0 };
    case 9: return (struct term_key){ 0x2b, 0 };
    case 10: case 13: return (struct term_key){ 0x28, 0 };
    case 27: return (struct term_key){ 0x29, 0 };
    case ' ': return (struct term_key){ 0x2c, 0 };
    case 0: return (struct term_key){ 0x2c, TERM_CTRL };
    case 28: return (struct term_key){ 0x31, TERM_CTRL }; /* \ ] ^ _ */
    case 29: return (struct term_key){ 0x30, TERM_CTRL };
    case 30: return (struct term_key){ 0x23, TERM_CTRL };
    case 31: return (struct term_key){ 0x2d, TERM_CTRL };
    default: break;
    }
    if (c < 27)
        return (struct term_key){ (uint8_t)(0x04 + c - 1), TERM_CTRL };
    if (c >= 'a' && c <= 'z')
        return (struct term_key){ (uint8_t)(0x04 + c - 'a'), 0 };
    if (c >= 'A' && c <= 'Z')
        return (struct term_key){ (uint8_t)(0x04 + c - 'A'), TERM_SHIFT };
    if (c > 127)
        return (struct term_key){ 0, 0 };
    if ((at = strchr(digits, (int)c)) != NULL)
        return (struct term_key){ (uint8_t)(0x1e + (at - digits)), 0 };
    if ((at = strchr(symbols, (int)c)) != NULL)
        return (struct term_key){ (uint8_t)(0x1e + (at - symbols)), TERM_SHIFT };
    if ((at = strchr(plain, (int)c)) != NULL)
        return (struct term_key){ (uint8_t)(0x2d + (at - plain)), 0 };
    if ((at = strchr(shifted, (int)c)) != NULL)
        return (struct term_key){ (uint8_t)(0x2d + (at - shifted)), TERM_SHIFT };
    return (struct term_key){ 0, 0 };
}
