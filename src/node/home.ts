// The home of the user, or what stands for it: a container may run as a user that the system has no entry for.
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The user's home folder; without one, a folder for temporary files that is named by the user's number. `find` is how the system is asked. */
export function homeFolder(find: () => string = homedir): string {
  try {
    return find();
  } catch {
    return join(tmpdir(), `lacec-home-${process.getuid?.() ?? "user"}`);
  }
}
