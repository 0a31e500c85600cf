/* SPDX-License-Identifier: MIT */
/*
 * Floating point, compiled twice: class x87 by itself, class sse (FP_SSE defined) with scalar SSE2.
 * Checksums are over bits: an engine that rounds differently is found. Only whet, whose sines and
 * logarithms the x87 does not define to the last bit, rounds what it sums.
 */
#include "bench.h"

#include <string.h>

#ifdef FP_SSE
#define NAME(x)         x "_sse"
#define CLASS           "sse"
#define NEEDS           NEEDS_SSE2
#define UNITS(x87, sse) sse
#else
#define NAME(x)         x "_x87"
#define CLASS           "x87"
#define NEEDS           0
#define UNITS(x87, sse) x87
#endif

static uint32_t sum_double(uint32_t sum, double v)
{
    uint32_t half[2];

    memcpy(half, &v, sizeof(half));
    return sum_add(sum_add(sum, half[0]), half[1]);
}

/* ---- linpack: a linear system by elimination with partial pivoting ---- */
#define ORDER 60

static double matrix[ORDER][ORDER], right[ORDER];

static double magnitude(double v) { return v < 0 ? -v : v; }

static uint32_t linpack_run(void)
{
    uint32_t seed = 1325, sum = 0;

    for (int i = 0; i < ORDER; i++) {
        right[i] = 0;
        for (int j = 0; j < ORDER; j++) {
            matrix[i][j] = (int32_t)random_next(&seed) / 2147483648.0;
            right[i] += matrix[i][j];
        }
    }
    for (int k = 0; k < ORDER; k++) {
        int pivot = k;

        for (int i = k + 1; i < ORDER; i++) {
            if (magnitude(matrix[i][k]) > magnitude(matrix[pivot][k]))
                pivot = i;
        }
        for (int j = k; j < ORDER; j++) {
            double t = matrix[k][j];

            matrix[k][j] = matrix[pivot][j];
            matrix[pivot][j] = t;
        }
        {
            double t = right[k];

            right[k] = right[pivot];
            right[pivot] = t;
        }
        for (int i = k + 1; i < ORDER; i++) {
            double factor = matrix[i][k] / matrix[k][k];

            for (int j = k; j < ORDER; j++)
                matrix[i][j] -= factor * matrix[k][j];
            right[i] -= factor * right[k];
        }
    }
    for (int i = ORDER - 1; i >= 0; i--) {
        for (int j = i + 1; j < ORDER; j++)
            right[i] -= matrix[i][j] * right[j];
        right[i] /= matrix[i][i];
        sum = sum_double(sum, right[i]);
    }
    return sum;
}

/* ---- whet: a mixture with square roots and transcendental functions ---- */
#ifdef FP_SSE
/* SSE has none: polynomials, as a library would do. */
static double square_root(double v)
{
    __asm__("sqrtsd %0, %0" : "+x"(v));
    return v;
}

static double sine(double v)
{
    double s = v * v;

    return v * (1 + s * (-1 / 6.0 + s * (1 / 120.0 + s * (-1 / 5040.0 + s / 362880.0))));
}

static double cosine(double v)
{
    double s = v * v;

    return 1 + s * (-0.5 + s * (1 / 24.0 + s * (-1 / 720.0 + s / 40320.0)));
}

static double arc_tangent(double v)
{
    double s = v * v;

    return v * (1 + s * (-1 / 3.0 + s * (1 / 5.0 + s * (-1 / 7.0 + s / 9.0)))) / (1 + 0.05 * s * s);
}

static double exponential(double v)
{
    return 1 + v * (1 + v * (0.5 + v * (1 / 6.0 + v * (1 / 24.0 + v / 120.0))));
}

static double logarithm(double v)
{
    double t = (v - 1) / (v + 1), s = t * t;

    return 2 * t * (1 + s * (1 / 3.0 + s * (1 / 5.0 + s * (1 / 7.0 + s / 9.0))));
}
#else
static double square_root(double v)
{
    __asm__("fsqrt" : "+t"(v));
    return v;
}

static double sine(double v)
{
    __asm__("fsin" : "+t"(v));
    return v;
}

static double cosine(double v)
{
    __asm__("fcos" : "+t"(v));
    return v;
}

static double arc_tangent(double v)
{
    __asm__("fld1\n\tfpatan" : "+t"(v) : : "st(7)");
    return v;
}

/* For |v| < 0.69: 2^x - 1 is defined for |x| <= 1. */
static double exponential(double v)
{
    __asm__("fldl2e\n\tfmulp\n\tf2xm1\n\tfld1\n\tfaddp" : "+t"(v) : : "st(7)");
    return v;
}

static double logarithm(double v)
{
    __asm__("fldln2\n\tfxch\n\tfyl2x" : "+t"(v) : : "st(7)");
    return v;
}
#endif

static __attribute__((noinline)) void whet_array(double e[4], double t)
{
    for (int j = 0; j < 6; j++) {
        e[0] = (e[0] + e[1] + e[2] - e[3]) * t;
        e[1] = (e[0] + e[1] - e[2] + e[3]) * t;
        e[2] = (e[0] - e[1] + e[2] + e[3]) * t;
        e[3] = (-e[0] + e[1] + e[2] + e[3]) / 2.0;
    }
}

static uint32_t whet_run(void)
{
    double e[4] = { 1.0, -1.0, -1.0, -1.0 }, x = 0.5, y = 0.5, z = 0.75, t = 0.499975;
    uint32_t sum = 0;

    for (int i = 0; i < 120; i++)
        whet_array(e, t);
    for (int i = 0; i < 500; i++) {
        x = t *
            arc_tangent(2.0 * sine(x) * cosine(x) / (cosine(x + y) + cosine(x - y) - 1.0 + 2.5));
        y = t * arc_tangent(2.0 * sine(y) * cosine(y) /
                            (cosine(x + y) + cosine(x - y) - 1.0 + 2.5)) +
            0.1;
    }
    for (int i = 0; i < 700; i++)
        z = square_root(exponential(logarithm(z) * 0.5));
    for (int i = 0; i < 4; i++)
        sum = sum_add(sum, (uint32_t)(int32_t)(e[i] * 65536.0));
    sum = sum_add(sum, (uint32_t)(int32_t)(x * 65536.0));
    sum = sum_add(sum, (uint32_t)(int32_t)(y * 65536.0));
    return sum_add(sum, (uint32_t)(int32_t)(z * 65536.0 + 0.5));
}

/* ---- mandel: escape times ---- */
static uint32_t mandel_run(void)
{
    uint32_t sum = 0;

    for (int row = 0; row < 48; row++) {
        for (int column = 0; column < 64; column++) {
            double cr = -2.0 + column * (2.6 / 64), ci = -1.2 + row * (2.4 / 48), r = 0, i = 0;
            uint32_t n = 0;

            for (; n < 64; n++) {
                double rr = r * r, ii = i * i;

                if (rr + ii > 4.0)
                    break;
                i = 2.0 * r * i + ci;
                r = rr - ii + cr;
            }
            sum = sum_add(sum, n);
        }
    }
    return sum;
}

/* ---- nbody: five bodies under gravity ---- */
#define BODIES 5

struct body {
    double x[3], v[3], mass;
};

static struct body bodies[BODIES];

static const struct body bodies_at_start[BODIES] = {
    { { 0, 0, 0 }, { 0.000387, -0.00327, 0.0000239 }, 39.47842 },
    { { 4.84143, -1.16032, -0.103622 }, { 0.606326, 2.81199, -0.0252184 }, 0.0376937 },
    { { 8.34337, 4.1248, -0.403523 }, { -1.01077, 1.82566, 0.00841576 }, 0.0112863 },
    { { 12.8944, -15.1112, -0.223308 }, { 1.08279, 0.868713, -0.0108326 }, 0.00172372 },
    { { 15.3797, -25.9193, 0.179259 }, { 0.979091, 0.594699, -0.034756 }, 0.00203369 },
};

static void nbody_step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            double d[3], square = 0, force;

            for (int k = 0; k < 3; k++) {
                d[k] = bodies[i].x[k] - bodies[j].x[k];
                square += d[k] * d[k];
            }
            force = dt / (square * square_root(square));
            for (int k = 0; k < 3; k++) {
                bodies[i].v[k] -= d[k] * bodies[j].mass * force;
                bodies[j].v[k] += d[k] * bodies[i].mass * force;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++)
            bodies[i].x[k] += dt * bodies[i].v[k];
    }
}

static uint32_t nbody_run(void)
{
    uint32_t sum = 0;

    memcpy(bodies, bodies_at_start, sizeof(bodies));
    for (int i = 0; i < 700; i++)
        nbody_step(0.01);
    for (int i = 0; i < BODIES; i++) {
        for (int k = 0; k < 3; k++)
            sum = sum_double(sum, bodies[i].x[k]);
    }
    return sum;
}

#ifdef FP_SSE
const struct program sse_programs[] = {
#else
const struct program x87_programs[] = {
#endif
    { NAME("linpack"), CLASS, UNITS(20, 100), NEEDS, NULL, linpack_run },
    { NAME("whet"), CLASS, UNITS(150, 250), NEEDS, NULL, whet_run },
    { NAME("mandel"), CLASS, UNITS(12, 40), NEEDS, NULL, mandel_run },
    { NAME("nbody"), CLASS, UNITS(20, 80), NEEDS, NULL, nbody_run },
    { 0 },
};
