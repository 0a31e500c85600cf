/* SPDX-License-Identifier: MIT */
/* `nestbox lab ...`: argv[0] is the word lab. Returns the exit status. */
#ifndef NB_LAB_LAB_MAIN_H
#define NB_LAB_LAB_MAIN_H

int lab_main(int argc, char **argv);

#endif
