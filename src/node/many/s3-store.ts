// A bucket of S3, or of what speaks its protocol, as a store of objects. Requests are signed by aws4fetch.
// In: s3://BUCKET/PREFIX; keys, region and endpoint from the environment, by the names that other tools use. Out: ObjectStore.
// Invariant: a PUT carries `If-None-Match: *`, so an object that is there is never replaced.
// Source: Amazon S3 API reference: GetObject, HeadObject, PutObject, ListObjectsV2.
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import { UsageError } from "../../app/verb.js";
import { InternalError } from "../../source/internal-error.js";
import { isObjectName, type ObjectStore } from "../../ports/object-store.js";
import { unusable } from "./folder-store.js";

/** A request that takes longer than this has failed, in milliseconds. */
const PATIENCE_MS = 120_000;
/** How often a connection is tried. */
const CONNECTIONS = 4;

/** Errors: UsageError for an address that is none, or without keys in the environment. */
export function s3Store(address: string): ObjectStore {
  const [, bucket, prefix = ""] = /^s3:\/\/([a-z0-9.-]{3,63})(?:\/(.*))?$/.exec(address) ?? [];
  if (bucket === undefined) throw new UsageError(`write the store as s3://BUCKET/PREFIX, not ${address}`);
  const { env } = process;
  const { AWS_ACCESS_KEY_ID: accessKeyId = "", AWS_SECRET_ACCESS_KEY: secretAccessKey = "" } = env;
  if (accessKeyId === "" || secretAccessKey === "")
    throw new UsageError(`${address} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment`);
  const region = env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
  const sessionToken = env["AWS_SESSION_TOKEN"];
  const client = new AwsClient({
    ...{ accessKeyId, secretAccessKey, region, service: "s3", retries: 5 },
    ...(sessionToken !== undefined && { sessionToken }),
  });
  const endpoint = env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const base =
    endpoint === undefined ? `https://${bucket}.s3.${region}.amazonaws.com` : `${trimmed(endpoint)}/${bucket}`;
  const folder = trimmed(prefix) === "" ? "" : `${trimmed(prefix)}/`;
  const urlOf = (name: string): string => {
    if (!isObjectName(name)) throw new InternalError(`no object is called ${name}`);
    return `${base}/${folder}${name}`;
  };
  const ask = async (url: string, init: RequestInit = {}): Promise<Response> => {
    for (let tries = 1; ; tries++) {
      try {
        return await client.fetch(url, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
      } catch (error) {
        // The client tries again what a server refuses for the moment, but not a connection that broke.
        if (tries >= CONNECTIONS) throw unusable(address, error);
        await setTimeout(100 * 4 ** tries);
      }
    }
  };
  const refused = async (what: string, response: Response): Promise<Error> =>
    unusable(
      address,
      new Error(`${what}: ${response.status} ${response.statusText} ${(await response.text()).slice(0, 300)}`),
    );
  return {
    place: address,
    get: async (name, maxBytes) => {
      const response = await ask(urlOf(name));
      if (response.status === 404) return undefined;
      if (!response.ok) throw await refused(`GET ${name}`, response);
      const length = Number(response.headers.get("content-length") ?? "0");
      if (length > maxBytes)
        throw unusable(address, new Error(`${name} has ${length} bytes, and at most ${maxBytes} are taken`));
      return new Uint8Array(await response.arrayBuffer());
    },
    has: async (name) => {
      const response = await ask(urlOf(name), { method: "HEAD" });
      if (response.status === 404) return false;
      if (!response.ok) throw await refused(`HEAD ${name}`, response);
      return true;
    },
    put: async (name, bytes) => {
      const body = Uint8Array.from(bytes);
      const response = await ask(urlOf(name), { method: "PUT", body, headers: { "if-none-match": "*" } });
      if (response.status === 412 || response.status === 409) return false; // it is there, or another machine is putting it
      if (!response.ok) throw await refused(`PUT ${name}`, response);
      return true;
    },
    list: async function* (wanted) {
      let token: string | undefined;
      do {
        const query = new URLSearchParams({ "list-type": "2", prefix: `${folder}${wanted}` });
        if (token !== undefined) query.set("continuation-token", token);
        const response = await ask(`${base}/?${query.toString()}`);
        if (!response.ok) throw await refused("LIST", response);
        const text = await response.text();
        for (const [, key = ""] of text.matchAll(/<Key>([^<]*)<\/Key>/g)) {
          const name = unescaped(key).slice(folder.length);
          if (isObjectName(name)) yield name;
        }
        token = /<NextContinuationToken>([^<]*)<\/NextContinuationToken>/.exec(text)?.[1];
        token &&= unescaped(token);
      } while (token !== undefined);
    },
  };
}

function trimmed(path: string): string {
  return path.replace(/^\/+|\/+$/g, "");
}

function unescaped(xml: string): string {
  const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return xml.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => entities[name] ?? "");
}
