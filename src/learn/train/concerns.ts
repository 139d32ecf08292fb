// What a person should know of heads before a script relies on them: those that know nothing, classes and ranges that were hardly seen.
// In: data and the report of a training. Out: sentences, each about one attribute.
import { LEAST_SKILL } from "../../compiler/attribute.js";
import type { TrainingData } from "./data.js";
import type { AttributeReport, TrainingReport } from "./evaluate.js";

/** A class or a tenth of a range with fewer rows cannot be learnt well. */
const FEW = 20;

/** Part of the labels that a head explains on the rows held out: R2 of a scalar, skill of classes. */
export function explained(report: AttributeReport): number {
  return report.type === "scalar" ? report.r2 : report.skill;
}

/** The concerns of a training, attribute by attribute. */
export function headConcerns(data: TrainingData, { attributes }: TrainingReport): string[] {
  return data.columns.flatMap(({ attribute, labels }) => {
    const report = attributes.find((a) => a.name === attribute.name);
    const said: string[] = [];
    if (report !== undefined && !(explained(report) >= LEAST_SKILL))
      said.push(
        `the head of '${attribute.name}' knows nothing: ${report.type === "scalar" ? `R2 is ${report.r2.toFixed(2)}` : `it explains ${(100 * report.skill).toFixed(0)}% of the log loss, and is right in ${report.accuracy.toFixed(2)} where naming the most frequent class is in ${report.majority.toFixed(2)}`}`,
      );
    const counted = (holds: (label: number) => boolean): number => labels.filter(holds).length;
    const few =
      attribute.type === "scalar"
        ? tenths(attribute.min, attribute.max).flatMap(([from, to]) => {
            const n = counted((v) => v >= from && (v < to || to === attribute.max) && v <= to);
            return n < FEW ? [`${from} to ${to} (${n} rows)`] : [];
          })
        : attribute.classes.flatMap((name, k) => {
            const n = counted((v) => v === k);
            return n > 0 && n < FEW ? [`${name} (${n} rows)`] : [];
          });
    if (few.length > 0)
      said.push(`'${attribute.name}' is hardly seen as ${few.join(", ")}: label more rows, or do not ask for that`);
    return said;
  });
}

function tenths(min: number, max: number): (readonly [number, number])[] {
  const edge = (k: number): number => Number((min + ((max - min) * k) / 10).toPrecision(6));
  return Array.from({ length: 10 }, (_, k) => [edge(k), edge(k + 1)] as const);
}
