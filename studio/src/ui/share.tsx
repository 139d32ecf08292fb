// What can be taken away: a link, a zip of everything, the command line that makes the same.
import { strToU8, zip, type Zippable } from "fflate";
import { project } from "../state/project.js";
import { run } from "../state/runs.js";
import { commandLine } from "../state/command-line.js";
import { shareLink } from "../state/share.js";
import { download } from "./download.js";
import { fileName } from "./picture-view.js";
import { Menu, MenuItem } from "./menu.js";
import { say } from "./notes.js";

export function Share() {
  return (
    <Menu label="Share" align="end">
      <MenuItem about="the scripts in the address, for anyone who opens it" onPick={() => void copyLink()}>
        Copy link
      </MenuItem>
      <MenuItem about="what makes the same with lacec on a machine" onPick={() => void copyCommand()}>
        Copy command line
      </MenuItem>
      <MenuItem about="scripts, pictures with their recipes, run.json" onPick={() => void saveZip()}>
        Save everything as zip
      </MenuItem>
    </Menu>
  );
}

async function copyLink(): Promise<void> {
  const { link, left } = shareLink(project.value, location.href);
  history.replaceState(null, "", link);
  const rest = left.length === 0 ? "" : ` Without ${left.join(", ")}, which do not fit into an address.`;
  say((await copied(link)) ? `The link is on the clipboard.${rest}` : `The link is in the address bar.${rest}`);
}

async function copyCommand(): Promise<void> {
  const { entry, inputs, overrides } = project.value;
  const command = commandLine(entry, inputs, overrides);
  say((await copied(command)) ? `On the clipboard: ${command}` : command);
}

async function saveZip(): Promise<void> {
  const { name, files } = project.value;
  const contents: Zippable = {};
  for (const [path, content] of Object.entries(files))
    contents[path] = typeof content === "string" ? strToU8(content) : content;
  for (const picture of run.value?.pictures ?? [])
    contents[`pictures/${fileName(picture)}`] = await bytesOf(picture.png);
  for (const { path, blob } of run.value?.files ?? []) contents[path] = await bytesOf(blob);
  zip(contents, { level: 6 }, (error, bytes) => {
    if (error === null) download(`${name}.zip`, new Blob([bytes], { type: "application/zip" }));
    else say(`The zip could not be made: ${error.message}`);
  });
}

async function bytesOf(blob: Blob): Promise<Uint8Array> {
  return new Uint8Array(await blob.arrayBuffer());
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
