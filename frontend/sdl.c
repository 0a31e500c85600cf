/* SPDX-License-Identifier: MIT */
#include "frontend/front.h"

int sdl_main(struct front *f)
{
    (void)f;
    return 1;
}
