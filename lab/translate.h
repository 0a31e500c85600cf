/* SPDX-License-Identifier: MIT */
/* `nestbox lab translate FILE` */
#ifndef NB_LAB_TRANSLATE_H
#define NB_LAB_TRANSLATE_H

int lab_translate_main(int argc, char **argv);

#endif
