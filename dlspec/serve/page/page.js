// The page of one model: what it takes is drawn or typed, and its answer shown as it comes.
import { DrawingPad, pixelsOf } from "./draw.js";
import { showAnswer, wanted } from "./answer.js";
import { kindOf, startTexts, textGroups } from "./text.js";

const about = JSON.parse(document.getElementById("about").textContent);
const $ = (id) => document.getElementById(id);
const given = about.inputs.filter((port) => port.origin === "data");
const groups = textGroups(about);
const url = `/v2/models/${encodeURIComponent(about.name)}/infer`;

// ---- asking -------------------------------------------------------------------------------------

let busy = false;
let next = null;

/** Ask for an answer. While one is awaited only the newest question is kept. */
async function ask(inputs, texts = []) {
  next = { inputs, texts };
  if (busy) return;
  busy = true;
  try {
    while (next) {
      const asked = next.texts;
      const body = JSON.stringify({ inputs: next.inputs, outputs: wanted(about, groups) });
      next = null;
      const begin = performance.now();
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body,
      });
      const answer = await response.json();
      if (!response.ok) throw new Error(answer.error);
      if (cleared) continue;
      tell("");
      showAnswer(about, answer, groups, asked);
      $("timing").textContent = `answered in ${(performance.now() - begin).toFixed(1)} ms`;
    }
  } catch (error) {
    tell(error instanceof TypeError ? "The server does not answer." : error.message);
  } finally {
    busy = false;
  }
}

function tell(problem) {
  $("problem").hidden = problem === "";
  $("problem").textContent = problem;
}

// ---- drawing ------------------------------------------------------------------------------------

let cleared = true;

/** Height and width where the only input is one grey picture, small enough to be drawn. */
function pictureSize() {
  if (given.length !== 1) return null;
  const [port] = given;
  const shape = port.shape.slice(1);
  if (shape.length === 3 && shape[0] === 1) shape.shift();
  const fits = shape.length === 2 && shape.every((size) => size >= 8 && size <= 128);
  return fits && ["UINT8", "FP32"].includes(port.datatype) ? shape : null;
}

function startDrawing([height, width]) {
  $("ask-title").textContent = "Draw";
  $("drawing").hidden = false;
  const [port] = given;
  const seen = $("seen");
  seen.width = width;
  seen.height = height;
  const shape = port.shape.map((size) => (size === -1 ? 1 : size));
  const pad = new DrawingPad($("pad"), (strokes) => {
    const pixels = pixelsOf(strokes, width, height);
    const context = seen.getContext("2d");
    const picture = context.createImageData(width, height);
    pixels.forEach((value, i) => picture.data.set([value, value, value, 255], 4 * i));
    context.putImageData(picture, 0, 0);
    cleared = strokes.length === 0;
    if (cleared) {
      next = null;
      showAnswer(about, null);
      $("timing").textContent = "";
      return;
    }
    const data = port.datatype === "UINT8" ? Array.from(pixels) : Array.from(pixels, (v) => v / 255);
    ask([{ name: port.name, shape, datatype: port.datatype, data }]);
  });
  $("undo").addEventListener("click", () => pad.undo());
  $("clear").addEventListener("click", () => pad.clear());
}

// ---- texts --------------------------------------------------------------------------------------

/** Whether all that the model takes are texts. */
const isText = () => given.length > 0 && given.every((port) => port.datatype === "BYTES");

function textInputs(texts) {
  return groups.flatMap((ports, i) =>
    ports.map(({ name }) => ({ name, shape: [1], datatype: "BYTES", data: [texts[i]] })));
}

function startTyping() {
  $("ask-title").textContent = "Text";
  const form = $("form");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  startTexts(form, groups, (texts) => {
    cleared = texts === null;
    if (cleared) {
      next = null;
      tell("");
      showAnswer(about, null);
      $("timing").textContent = "";
      return;
    }
    showCall(textInputs(texts));
    ask(textInputs(texts), texts);
  });
  showAnswer(about, null);
}

// ---- typing -------------------------------------------------------------------------------------

function zeros([size, ...rest]) {
  if (size === undefined) return 0;
  return Array.from({ length: size }, () => zeros(rest));
}

/** The shape of nested lists, as their first elements tell. */
function shapeOf(value) {
  return Array.isArray(value) ? [value.length, ...(value.length ? shapeOf(value[0]) : [])] : [];
}

function startForm() {
  const form = $("form");
  form.hidden = false;
  cleared = false;
  for (const port of given) {
    const label = document.createElement("label");
    const type = document.createElement("small");
    type.textContent = ` ${port.datatype} [${port.dims.join(", ")}]`;
    label.htmlFor = `input-${port.name}`;
    label.append(port.name, type);
    const isText = port.datatype === "BYTES";
    if (isText) type.textContent = ` ${kindOf(port)}`;
    const field = document.createElement("textarea");
    field.id = label.htmlFor;
    field.spellcheck = false;
    const shape = port.shape.map((size) => (size === -1 ? 1 : size));
    const count = shape.reduce((a, b) => a * b, 1);
    const example = port.datatype === "BOOL" ? false : 0;
    field.className = isText ? "text" : "";
    if (!isText && count <= 4096) {
      field.value = JSON.stringify(zeros(shape)).replaceAll("0", JSON.stringify(example));
    }
    form.append(label, field);
  }
  const button = document.createElement("button");
  button.className = "main";
  button.textContent = "Ask";
  form.append(button);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const inputs = [];
    for (const port of given) {
      const text = $(`input-${port.name}`).value;
      if (port.datatype === "BYTES") {
        inputs.push({ name: port.name, shape: [1], datatype: "BYTES", data: [text] });
        continue;
      }
      try {
        const data = JSON.parse(text);
        const list = Array.isArray(data) ? data : [data];
        inputs.push({
          name: port.name,
          shape: Array.isArray(data) ? shapeOf(data) : [],
          datatype: port.datatype,
          data: list,
        });
      } catch (error) {
        tell(`${port.name} is not a list in JSON: ${error.message}`);
        return;
      }
    }
    ask(inputs, groups.map(([port]) => $(`input-${port.name}`).value));
  });
}

// ---- what it is ---------------------------------------------------------------------------------

function badge(text, kind) {
  const item = document.createElement("li");
  item.textContent = text;
  item.className = kind;
  $("badges").append(item);
}

function fact(name, ...content) {
  const term = document.createElement("dt");
  const description = document.createElement("dd");
  term.textContent = name;
  description.append(...content);
  $("facts").append(term, description);
}

function link(text, href) {
  const made = document.createElement("a");
  made.textContent = text;
  made.href = href;
  return made;
}

function startFacts() {
  if (about.trained) badge("trained", "good");
  else if (about.parameters > 0) badge("untrained: answers of fresh weights", "warn");
  const kinds = { verified: "good", failed: "bad" };
  badge(`${about.engine.name}: ${about.engine.status}`, kinds[about.engine.status] ?? "warn");
  const count = (port) => port.parameters.vocabulary.toLocaleString("en");
  const type = (port) => port.datatype === "BYTES"
    ? `${port.name}: text, ${port.parameters.by} of a vocabulary of ${count(port)}`
    : `${port.name}: ${port.datatype} [${port.dims.join(", ")}]`;
  fact("version", about.version + (about.created ? `, ${about.created}` : ""));
  // texts bring their lengths, and are answered without
  const told = (ports) => ports.filter((p) => !groups.length || !p.name.endsWith("_lengths"));
  fact("takes", told(about.inputs).map(type).join(" · "));
  fact("answers", told(about.outputs).map(type).join(" · "));
  fact("parameters", about.parameters.toLocaleString("en"));
  const engines = about.engines.map((e) => `${e.name} (${e.precision}): ${e.status}`);
  fact("engines", engines.join(" · "));
  const metrics = Object.entries(about.training.metrics ?? {})
    .filter(([, value]) => typeof value === "number")
    .map(([name, value]) => `${name} ${value.toLocaleString("en", { maximumFractionDigits: 4 })}`);
  if (metrics.length) fact("training", metrics.join(" · "));
  const files = [link("metadata", url.replace(/\/infer$/, ""))];
  files.push(" · ", link("manifest", `/models/${encodeURIComponent(about.name)}/manifest.json`));
  if (about.report) {
    files.unshift(link("verification report", `/models/${encodeURIComponent(about.name)}/report.html`), " · ");
  }
  fact("more", ...files);
  showCall(given.map(({ name, shape, datatype }) => {
    const data = datatype === "BYTES" ? ["…"] : [];
    return { name, shape: shape.map((size) => (size === -1 ? 1 : size)), datatype, data };
  }));
}

/** How a program asks the same. */
function showCall(inputs) {
  const listed = inputs.map(({ name, shape, datatype, data }) => {
    const values = data.length ? data.map((text) => JSON.stringify(text)).join(", ") : "…";
    return `{"name": "${name}", "shape": [${shape.join(", ")}], "datatype": "${datatype}",\n` +
      `              "data": [${values}]}`;
  });
  const body = `{\n  "inputs": [${listed.join(",\n             ")}]\n}`;
  $("call").textContent =
    `curl ${location.origin}${url} -d '${body.replaceAll("'", "'\\''")}'\n\n` +
    `# Python, with tritonclient[http]\n` +
    `client = tritonclient.http.InferenceServerClient("${location.host}")`;
}

startFacts();
const size = pictureSize();
if (size) startDrawing(size);
else if (isText()) startTyping();
else startForm();
