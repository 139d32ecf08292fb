// The action on a sample repository, with the event of a pull request and an API that records what it is asked.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import sharp from "sharp";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { mainFile } from "../support/build.js";
import { folderWith, root } from "../support/lacec.js";

vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 }); // pictures are made, on machines that have other work

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: Readonly<Record<string, string>>;
}

let folder: ReturnType<typeof folderWith>;
let shas: { readonly base: string; readonly head: string };
let server: Server;
let asked: Asked[] = [];
/** What the API holds: comments, the branch of sheets and its files. */
let held: { comments: { id: number; body: string }[]; branch: boolean; files: Set<string> };
/** A token of a fork: it may read. */
let readOnly = false;

const at = (...path: string[]): string => join(folder.path, ...path);

async function bodyOf(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text === "" ? {} : (JSON.parse(text) as Record<string, string>);
}

function answer({ method, path, body }: Asked): { readonly status: number; readonly json: unknown } {
  if (readOnly && method !== "GET") return { status: 403, json: { message: "Resource not accessible by integration" } };
  const [where = ""] = path.split("?");
  const repository = "/repos/octo/recipes/";
  if (!where.startsWith(repository)) return { status: 404, json: {} };
  const rest = where.slice(repository.length);
  if (rest === "git/ref/heads/lacec-sheets") return { status: held.branch ? 200 : 404, json: {} };
  if (rest === "git/refs" && method === "POST") {
    held.branch = body["ref"] === "refs/heads/lacec-sheets";
    return { status: 201, json: {} };
  }
  if (rest.startsWith("contents/")) {
    if (method === "GET") return { status: held.files.has(rest) ? 200 : 404, json: {} };
    held.files.add(rest);
    return { status: 201, json: {} };
  }
  if (rest === "issues/7/comments") {
    if (method === "GET") return { status: 200, json: held.comments };
    held.comments.push({ id: 40 + held.comments.length, body: body["body"] ?? "" });
    return { status: 201, json: {} };
  }
  if (rest === "issues/comments/41" && method === "PATCH") {
    held.comments = held.comments.map((c) => (c.id === 41 ? { id: 41, body: body["body"] ?? "" } : c));
    return { status: 200, json: {} };
  }
  return { status: 404, json: {} };
}

beforeAll(async () => {
  folder = folderWith({});
  const made = await promisify(execFile)(process.execPath, [
    join(root, "scripts/sample-repository.js"),
    at("repository"),
  ]);
  shas = JSON.parse(made.stdout) as typeof shas;
  const event = readFileSync(join(root, "test/fixtures/action/pull-request.json"), "utf8");
  writeFileSync(at("event.json"), event.replaceAll(/0{39}1/g, shas.base).replaceAll(/0{39}2/g, shas.head));
  mkdirSync(at("temporary"));
  server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { method = "", url = "", headers } = request;
      const one = { method, path: url, authorization: headers.authorization, body };
      asked.push(one);
      const { status, json } = answer(one);
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => {
  server.close();
  folder.remove();
});
beforeEach(() => {
  asked = [];
  readOnly = false;
});

/** Runs the bundle as a runner does. */
async function action(inputs: Readonly<Record<string, string>> = {}) {
  writeFileSync(at("summary.md"), "");
  writeFileSync(at("outputs"), "");
  const given = {
    ...{
      scripts: "**/*.lace",
      steps: "check format verify run",
      package: "lacec",
      command: `${process.execPath} ${mainFile}`,
    },
    ...{
      out: at("pictures"),
      engine: "tfjs-wasm",
      comment: "true",
      "sheets-branch": "lacec-sheets",
      token: "secret-token",
    },
    ...inputs,
  };
  const port = (server.address() as AddressInfo).port;
  const env = {
    PATH: process.env["PATH"],
    HOME: folder.path,
    RUNNER_TEMP: at("temporary"),
    GITHUB_EVENT_NAME: "pull_request",
    GITHUB_EVENT_PATH: at("event.json"),
    GITHUB_REPOSITORY: "octo/recipes",
    GITHUB_API_URL: `http://127.0.0.1:${port}`,
    GITHUB_SERVER_URL: "https://github.com",
    GITHUB_STEP_SUMMARY: at("summary.md"),
    GITHUB_OUTPUT: at("outputs"),
    ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  };
  return new Promise<{ code: number; out: string }>((resolve) => {
    execFile(
      process.execPath,
      [join(root, "action/dist/main.js")],
      { cwd: at("repository"), env },
      (error, out, err) => {
        resolve({ code: typeof error?.code === "number" ? error.code : 0, out: out + err });
      },
    );
  });
}

describe("the action on a pull request", () => {
  test("checks, formats, verifies, runs frozen, and comments with what changes and a sheet", async () => {
    held = { comments: [{ id: 40, body: "a person's" }], branch: false, files: new Set() };
    const { code, out } = await action();
    expect(out).not.toContain("::error");
    expect(code, out).toBe(0);
    const [, own] = held.comments;
    expect(held.comments).toHaveLength(2);
    for (const step of ["check", "format", "verify", "run"]) expect(own?.body).toContain(`| ${step} | ✓ |`);
    expect(own?.body).toMatch(/^<!-- lacec -->\n/);
    expect(own?.body).toMatch(/### `portrait\.lace`\n\n```\nportrait\n {2}weight of `glasses` 1 -> 2\n/);
    const name = `7/${shas.head.slice(0, 12)}/portrait.lace.png`;
    expect(own?.body).toContain(
      `![before and after](https://github.com/octo/recipes/blob/lacec-sheets/${name}?raw=true)`,
    );
    const put = asked.find((a) => a.method === "PUT");
    expect(put?.path).toBe(`/repos/octo/recipes/contents/${name}`);
    const sheet = await sharp(Buffer.from(put?.body["content"] ?? "", "base64")).metadata();
    expect([sheet.format, sheet.height >= 256]).toEqual(["png", true]); // a row before, a row after
    expect(asked.every((a) => a.authorization === "Bearer secret-token")).toBe(true);
    expect(out).not.toContain("secret-token");
    expect((await sharp(at("pictures/pictures/portrait.png")).metadata()).width).toBeGreaterThan(128);
    expect(readFileSync(at("summary.md"), "utf8")).toContain("weight of `glasses` 1 -> 2");
    expect(readFileSync(at("outputs"), "utf8")).toMatch(/sarif/);
  });

  test("changes its comment the next time, and leaves those of others", async () => {
    const { code } = await action({ steps: "check" });
    expect(code).toBe(0);
    expect(held.comments.map((c) => c.body.includes("| format |"))).toEqual([false, false]);
    expect(asked.filter((a) => a.method === "PATCH")).toHaveLength(1);
    expect(asked.filter((a) => a.method === "PUT")).toEqual([]); // the sheet is there
  });

  test("of a fork, whose token may only read, says what it could not write and passes", async () => {
    held = { comments: [], branch: false, files: new Set() };
    readOnly = true;
    const { code, out } = await action({ steps: "check" });
    expect([code, out]).toEqual([0, expect.stringContaining("::warning::the comment could not be written")]);
    expect(readFileSync(at("summary.md"), "utf8")).toContain("The sheet could not be kept");
  });

  test("fails where a script is wrong, with an annotation at its place, and runs nothing", async () => {
    held = { comments: [], branch: false, files: new Set() };
    const text = readFileSync(at("repository/portrait.lace"), "utf8");
    writeFileSync(at("repository/portrait.lace"), text.replace("glasses", "glases"));
    try {
      const { code, out } = await action({ comment: "false" });
      expect(code).toBe(1);
      expect(out).toMatch(
        /::error title=lacec L2001,file=portrait\.lace,line=6,endLine=6,col=13,endColumn=19::L2001: unknown name/,
      );
      expect(out).toContain("::error::failed: check");
      expect(readFileSync(at("summary.md"), "utf8")).not.toContain("| run |");
      expect(asked.filter((a) => a.path.includes("comments"))).toEqual([]);
    } finally {
      writeFileSync(at("repository/portrait.lace"), text);
    }
  });
});
