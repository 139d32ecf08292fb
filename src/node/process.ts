// Which process and machine this is, for files that must tell who made them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";

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

/** Number of this process. */
export function ownPid(): number {
  return process.pid;
}
