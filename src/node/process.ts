// Which process and machine this is, for files that must tell who made them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { cpus, hostname } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** Whether a process of this number runs on this machine. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * When a process started, in clock ticks since the machine did: tells it from a later one of the same number. Empty where there is no /proc.
 * Source: proc(5), field 22 of /proc/PID/stat, counted after the command's name in parentheses.
 */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}

/** A word for this machine that does not tell its name. */
export function machineId(): string {
  return createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
}

/** The built command line of this lacec, for processes of its own. */
export function mainFile(): string {
  return fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
}

/** Number of this process. */
export function ownPid(): number {
  return process.pid;
}

/**
 * Architecture and widest vector instructions, such as "x64, avx512": libraries choose their kernels by them, and the last bits of results with them.
 * Source: proc(5), flags of /proc/cpuinfo; where there is none, the name of the processor.
 */
export function processorClass(): string {
  let flags = "";
  try {
    flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  } catch {
    // no Linux
  }
  const widest = ["avx512f", "avx2", "avx"].find((flag) => flags.split(" ").includes(flag));
  return `${process.arch}, ${widest ?? cpus()[0]?.model.trim() ?? "unknown"}`;
}
