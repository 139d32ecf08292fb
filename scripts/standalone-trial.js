// Starts the standalone executable in an empty root and lets it make its first picture: node scripts/standalone-trial.js [EXECUTABLE].
// The root holds the executable, the C and C++ libraries that it and libvips name, a script and a folder for temporary files: no shell, no
// /etc, no /proc. The user has no name and no home. Needs Linux and root (chroot). Prints how long each step took.
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = join(dirname(fileURLToPath(import.meta.url)), "..");
const executable = process.argv[2] ?? join(repository, `standalone/lacec-linux-${process.arch}`);
const root = mkdtempSync(join(tmpdir(), "lacec-root-"));
chmodSync(root, 0o755);
/** Nobody of /etc/passwd. */
const USER = "12345:12345";

function lacec(...words) {
  const begin = performance.now();
  const { status, stdout, stderr } = spawnSync("chroot", [`--userspec=${USER}`, root, "/lacec", ...words], {
    cwd: "/",
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" }, // for chroot; there is nothing there for what it starts
    encoding: "utf8",
  });
  console.log(`lacec ${words.join(" ")}: exit ${status}, ${((performance.now() - begin) / 1000).toFixed(2)} s`);
  if (status !== 0) throw new Error(`${stdout}${stderr}`);
  return stdout;
}

try {
  const named = execFileSync("ldd", [executable], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
  const libraries = named.filter((path) => existsSync(path));
  const libc = libraries.find((path) => basename(path) === "libc.so.6");
  // Of glibc libvips names two more parts.
  const more = ["libresolv.so.2", "librt.so.1"].map((name) => join(dirname(libc), name));
  for (const path of [...libraries, ...more]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(realpathSync(path), join(root, path));
  }
  cpSync(executable, join(root, "lacec"));
  for (const folder of ["tmp", "recipes"]) {
    mkdirSync(join(root, folder));
    chmodSync(join(root, folder), 0o777);
  }
  const script = readFileSync(join(repository, "examples/portraits.lace"), "utf8");
  writeFileSync(join(root, "recipes/portraits.lace"), script);

  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  if (lacec("--version").trim() !== version) throw new Error(`it is not lacec ${version}`);
  lacec("--version");
  lacec("check", "/recipes/portraits.lace");
  lacec("run", "/recipes/portraits.lace", "--out", "/recipes", "--no-cache");
  const picture = readFileSync(join(root, "recipes/out/portraits.png"));
  if (picture.subarray(1, 4).toString() !== "PNG") throw new Error("the picture is none");
  lacec("verify", "/recipes/portraits.lace", "--out", "/recipes", "--quiet");
  console.log(`first picture: ${picture.length} bytes, and made again the same`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
