// Runge-Kutta methods as data, explicit and linearly implicit ones: coefficients, order, error weights and reference.
// In: nothing. Out: the tableaus that the host's solver and the step graphs step by. Symbols a, b, c as in Hairer, Norsett, Wanner (Solving ODEs I).
// Invariants: a[s] has s entries and sums to c[s]; b sums to 1 and error weights to 0 (of explicit methods); with
// `firstSameAsLast` the last row of a is b, so the last stage's derivative is the next step's first.

export interface Tableau {
  readonly name: string;
  /** Order of the solution that is carried on (b). */
  readonly order: number;
  readonly a: readonly (readonly number[])[];
  readonly b: readonly number[];
  readonly c: readonly number[];
  /** The pair's error estimate: h sum error[s] k[s]. Absent: fixed steps only. */
  readonly error?: { readonly weights: readonly number[]; readonly order: number };
  readonly firstSameAsLast: boolean;
  /**
   * Linearly implicit (a W-method): with A near the derivative of the term, stage s solves
   * (1 - gamma h A) k[s] = f(y + h sum a[s][j] k[j]) + sum couplings[s][j] k[j]. The order does not depend on A.
   */
  readonly implicit?: { readonly gamma: number; readonly couplings: readonly (readonly number[])[] };
  readonly reference: string;
}

const dopri5: Tableau = {
  name: "dopri5",
  order: 5,
  c: [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1],
  a: [
    [],
    [1 / 5],
    [3 / 40, 9 / 40],
    [44 / 45, -56 / 15, 32 / 9],
    [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
    [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
    [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
  ],
  b: [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
  error: { weights: [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40], order: 4 },
  firstSameAsLast: true,
  reference: "Dormand, Prince, A family of embedded Runge-Kutta formulae, J. Comput. Appl. Math. 6 (1980)",
};

const tsit5: Tableau = {
  name: "tsit5",
  order: 5,
  c: [0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1],
  a: [
    [],
    [0.161],
    [-0.008480655492356989, 0.335480655492357],
    [2.8971530571054935, -6.359448489975075, 4.3622954328695815],
    [5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525],
    [5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383],
    [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774],
  ],
  b: [0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774, 0],
  error: {
    weights: [
      -0.0017800110522257771,
      -0.0008164344596567469,
      0.007880878010261995,
      -0.1447110071732629,
      0.5823571654525552,
      -0.45808210592918697,
      1 / 66,
    ],
    order: 4,
  },
  firstSameAsLast: true,
  reference:
    "Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, CAMWA 62 (2011)",
};

const bosh3: Tableau = {
  name: "bosh3",
  order: 3,
  c: [0, 1 / 2, 3 / 4, 1],
  a: [[], [1 / 2], [0, 3 / 4], [2 / 9, 1 / 3, 4 / 9]],
  b: [2 / 9, 1 / 3, 4 / 9, 0],
  error: { weights: [-5 / 72, 1 / 12, 1 / 9, -1 / 8], order: 2 },
  firstSameAsLast: true,
  reference: "Bogacki, Shampine, A 3(2) pair of Runge-Kutta formulas, Appl. Math. Lett. 2 (1989)",
};

const heun: Tableau = {
  name: "heun",
  order: 2,
  c: [0, 1],
  a: [[], [1]],
  b: [1 / 2, 1 / 2],
  error: { weights: [-1 / 2, 1 / 2], order: 1 },
  firstSameAsLast: false,
  reference: "Heun's trapezoidal rule with Euler's step inside; Hairer, Norsett, Wanner, Solving ODEs I, section II.4",
};

const euler: Tableau = {
  name: "euler",
  order: 1,
  c: [0],
  a: [[]],
  b: [1],
  firstSameAsLast: false,
  reference: "Euler, Institutiones calculi integralis (1768)",
};

const rk4: Tableau = {
  name: "rk4",
  order: 4,
  c: [0, 1 / 2, 1 / 2, 1],
  a: [[], [1 / 2], [0, 1 / 2], [0, 0, 1]],
  b: [1 / 6, 1 / 3, 1 / 3, 1 / 6],
  firstSameAsLast: false,
  reference: "Kutta, Beitrag zur naherungsweisen Integration totaler Differentialgleichungen (1901)",
};

const ros2: Tableau = {
  name: "ros2",
  order: 2,
  c: [0, 1],
  a: [[], [1]],
  b: [3 / 2, 1 / 2],
  error: { weights: [1 / 2, 1 / 2], order: 1 },
  firstSameAsLast: false,
  implicit: { gamma: 1 - Math.SQRT1_2, couplings: [[], [-2]] },
  reference:
    "Verwer, Spee, Blom, Hundsdorfer, A second-order Rosenbrock method applied to photochemical dispersion problems, SIAM J. Sci. Comput. 20 (1999)",
};

/** The solvers of the language, by name. A new one joins here and is then in the conformance tests. */
export const TABLEAUS = { dopri5, tsit5, bosh3, heun, ros2, euler, rk4 } as const satisfies Record<string, Tableau>;
