// What the action asks of the forge: to keep sheets of pictures on a branch, and one comment on a pull request.
// In: a token and the address of the API, as the runner gives them. Out: addresses of pictures; the comment, written or changed.
// Invariants: one comment, known by its first line; files of the branch are added, never changed; a refusal (a fork's token may not write) is
// told, not thrown.

export interface Forge {
  readonly api: string;
  readonly server: string;
  /** OWNER/NAME */
  readonly repository: string;
  readonly token: string;
}

const MARK = "<!-- lacec -->";

interface Answer {
  readonly status: number;
  readonly json: unknown;
}

async function ask({ api, repository, token }: Forge, method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(`${api}/repos/${repository}/${path}`, {
    method,
    headers: {
      accept: "application/vnd.github+json",
      "x-github-api-version": "2022-11-28",
      "user-agent": "lacec-action",
      authorization: `Bearer ${token}`,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, json };
}

interface Comment {
  readonly id: number;
  readonly body?: string | null;
}

/** Puts a picture on a branch, which is made if it is not there. Gives its address; undefined where the token may not write. */
export async function keepSheet(
  forge: Forge,
  branch: string,
  at: { readonly path: string; readonly base64: string; readonly from: string },
): Promise<string | undefined> {
  const { status } = await ask(forge, "GET", `git/ref/heads/${branch}`);
  if (status === 404) {
    const made = await ask(forge, "POST", "git/refs", { ref: `refs/heads/${branch}`, sha: at.from });
    if (made.status !== 201 && made.status !== 422) return undefined; // 422: another run was first
  }
  const path = `contents/${at.path.split("/").map(encodeURIComponent).join("/")}`;
  const before = await ask(forge, "GET", `${path}?ref=${encodeURIComponent(branch)}`);
  if (before.status !== 200) {
    const put = await ask(forge, "PUT", path, { message: `lacec: ${at.path}`, content: at.base64, branch });
    if (put.status !== 200 && put.status !== 201) return undefined;
  }
  return `${forge.server}/${forge.repository}/blob/${branch}/${at.path}?raw=true`;
}

/** Writes the comment of a pull request, or changes the one that is there. Gives whether that was allowed. */
export async function comment(forge: Forge, pull: number, text: string): Promise<boolean> {
  const body = `${MARK}\n${text}`;
  for (let page = 1; page <= 20; page++) {
    const { status, json } = await ask(forge, "GET", `issues/${pull}/comments?per_page=100&page=${page}`);
    if (status !== 200 || !Array.isArray(json)) break;
    const own = (json as readonly Comment[]).find(({ body }) => body?.startsWith(MARK) === true);
    if (own !== undefined)
      return (await ask(forge, "PATCH", `issues/comments/${own.id}`, { body: body })).status === 200;
    if (json.length < 100) break;
  }
  return (await ask(forge, "POST", `issues/${pull}/comments`, { body })).status === 201;
}
