// Rational functions for runtimes whose elementary functions lose small results (WGSL promises tanh and log near 1 only absolutely).
// Source: Pade approximants of order [5/4]; f(x) = x P(x^2) / Q(x^2), coefficients in ascending order.

export interface Rational {
  readonly numerator: readonly [number, number, number];
  readonly denominator: readonly [number, number, number];
}

/** tanh for |x| <= log(2) / 2: within 3e-12 relative. */
export const TANH: Rational = { numerator: [945, 105, 1], denominator: [945, 420, 15] };

/** atanh for |x| <= 1/3: within 4e-8 relative. */
export const ATANH: Rational = { numerator: [945, -735, 64], denominator: [945, -1050, 225] };
