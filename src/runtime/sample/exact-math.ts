// log, sin and cos with the same bits on every machine.
// In: doubles. Out: doubles. Used by: noise.
// ECMAScript lets Math.log, Math.sin and Math.cos differ between engines in the last digits. These use only + - * / on
// doubles, which IEEE 754 rounds in one way everywhere (JavaScript never fuses a multiply with an add), so a sample of a
// seed is the same sample on another machine.
// Invariants: the order of the operations below is part of the format of the noise; changing it changes every image.

const LN2_HIGH = 1453635 / 2097152; // ln 2 to 21 bits: its product with an exponent (11 bits) is exact
const LN2_LOW = -1.904654299957768e-9; // ln 2 - LN2_HIGH
const SQRT_HALF = 0.7071067811865476;
const SQRT_TWO = 1.4142135623730951;
const HALF_PI = 1.5707963267948966;

/**
 * Natural logarithm, reproducible to the bit.
 *
 *   x = m 2^e, m in [sqrt 1/2, sqrt 2);  log x = e ln 2 + 2 (s + s^3/3 + s^5/5 + ... + s^23/23),  s = (m - 1) / (m + 1)
 *
 * Domain  finite x > 0, subnormals included (others give NaN).
 * Error   below 1e-15 relative: |s| <= 0.172, so the first term left out is below 2e-18 of the sum.
 */
export function exactLog(x: number): number {
  if (!(x > 0 && x < Infinity)) return NaN;
  let m = x;
  let e = 0;
  while (m < SQRT_HALF) {
    m *= 2;
    e -= 1;
  }
  while (m >= SQRT_TWO) {
    m *= 0.5;
    e += 1;
  }
  const s = (m - 1) / (m + 1);
  const q = s * s;
  let p = 1 / 23;
  p = 1 / 21 + q * p;
  p = 1 / 19 + q * p;
  p = 1 / 17 + q * p;
  p = 1 / 15 + q * p;
  p = 1 / 13 + q * p;
  p = 1 / 11 + q * p;
  p = 1 / 9 + q * p;
  p = 1 / 7 + q * p;
  p = 1 / 5 + q * p;
  p = 1 / 3 + q * p;
  const logM = 2 * s + 2 * s * (q * p);
  return e * LN2_HIGH + (e * LN2_LOW + logM);
}

/**
 * Sine and cosine of a whole circle's fraction, reproducible to the bit: out = [sin 2 pi u, cos 2 pi u].
 *
 *   u = k/4 + r, |r| <= 1/8 (both exact);  Taylor polynomials of sin and cos in 2 pi r, |2 pi r| <= pi/4,
 *   to degrees 17 and 18; k picks the quadrant
 *
 * Domain  |u| < 2^50.
 * Error   below 3e-16 absolute: the first terms left out are below 1e-19; the rest is rounding.
 */
export function exactSinCosTurns(u: number, out: Float64Array): void {
  const quarters = 4 * u;
  const k = Math.floor(quarters + 0.5);
  const x = (quarters - k) * HALF_PI;
  const q = x * x;

  let s = 1 / 355687428096000; // 17!
  s = -1 / 1307674368000 + q * s;
  s = 1 / 6227020800 + q * s;
  s = -1 / 39916800 + q * s;
  s = 1 / 362880 + q * s;
  s = -1 / 5040 + q * s;
  s = 1 / 120 + q * s;
  s = -1 / 6 + q * s;
  const sin = x + x * (q * s);

  let c = -1 / 6402373705728000; // 18!
  c = 1 / 20922789888000 + q * c;
  c = -1 / 87178291200 + q * c;
  c = 1 / 479001600 + q * c;
  c = -1 / 3628800 + q * c;
  c = 1 / 40320 + q * c;
  c = -1 / 720 + q * c;
  c = 1 / 24 + q * c;
  c = -1 / 2 + q * c;
  const cos = 1 + q * c;

  const quadrant = ((k % 4) + 4) % 4;
  out[0] = quadrant === 0 ? sin : quadrant === 1 ? cos : quadrant === 2 ? -sin : -cos;
  out[1] = quadrant === 0 ? cos : quadrant === 1 ? -sin : quadrant === 2 ? -cos : sin;
}
