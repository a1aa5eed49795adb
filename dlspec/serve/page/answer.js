// An answer as a text, a word, labels of words, bars and numbers.
import { shades, showWords, stepsOf } from "./text.js";

const $ = (id) => document.getElementById(id);
const MOST_BARS = 20;
const MOST_SHADES = 2500;

/** What is asked for: labels of steps come one by one, all else as it is answered to anybody. */
export function wanted(about, groups) {
  const labels = about.outputs.filter((port) => groups.some((ports) => isLabels(port, ports[0])));
  if (labels.length === 0) return undefined;
  return about.outputs.map(({ name }) =>
    labels.some((port) => port.name === name) ? { name, parameters: { as: "names" } } : { name });
}

/** Whether an output has a label for each step of a text. */
const isLabels = (output, input) => output.datatype === "BYTES" && output.dims[1] === input.dims[1];

/** Show an answer of the protocol to texts (`asked`: by group of inputs); null shows none. */
export function showAnswer(about, answer, groups = [], asked = []) {
  $("tables").replaceChildren();
  if (answer === null) {
    headline("");
    showWords([], [], null);
    bars(labelsOf(about).map((label) => ({ label, share: 0, text: "" })));
    return;
  }
  const ports = new Map(about.outputs.map((port) => [port.name, port]));
  const told = new Set(answer.outputs.filter((o) => o.name.endsWith("_lengths")));
  const steps = showLabels(answer, ports, groups, asked, told);
  const texts = answer.outputs.filter((o) => o.datatype === "BYTES" && !told.has(o));
  for (const output of texts) {
    told.add(output);
    const port = ports.get(output.name);
    steps.set(port.dims[1], stepsOf(output.data[0], port));
  }
  const scored = best(answer.outputs.filter((output) => isScores(output, ports.get(output.name))));
  if (scored) {
    const port = ports.get(scored.name);
    const shares = sharesOf(scored.data);
    const labels = port.labels ?? shares.map((_, i) => String(i));
    bars(shares.map((share, i) => ({ label: labels[i], share, text: percent(share) })));
  } else {
    bars([]);
  }
  const ids = answer.outputs.filter(
    (o) => ports.get(o.name)?.classes && o.datatype !== "BYTES" && o.data.length === 1);
  const labels = scored && ports.get(scored.name).labels?.join("\n");
  const decided = ids.find((o) => ports.get(o.name).classes.join("\n") === labels) ?? ids[0];
  headline(headlineOf(answer, ports, texts, decided, scored));
  for (const output of answer.outputs) {
    if (output === scored || output === decided || told.has(output)) continue;
    if (scored && isSame(output.data, scored.data)) continue; // the same scores, unscaled
    $("tables").append(numbersOf(output, ports.get(output.name), steps));
  }
}

/** The labels of each text's steps beneath them; gives the steps by dimension. */
function showLabels(answer, ports, groups, asked, told) {
  const steps = new Map(groups.map((ports, i) => [ports[0].dims[1], stepsOf(asked[i] ?? "", ports[0])]));
  const input = groups.map((ports) => ports[0]).find(
    (port) => answer.outputs.some((o) => isLabels(ports.get(o.name), port)));
  const words = input && steps.get(input.dims[1]);
  const rows = !input ? [] : answer.outputs.filter((o) => isLabels(ports.get(o.name), input));
  const shown = rows.filter((o) => words && o.shape.length === 2 && o.data.length >= words.length);
  for (const output of rows) told.add(output);
  const known = input?.parameters.by === "words" && input.dims.length === 2 && new Set(input.classes);
  showWords(words ?? [], shown.map((o) => o.data), known);
  return steps;
}

function headlineOf(answer, ports, texts, decided, scored) {
  if (texts.length) return texts.map((o) => o.data[0]).join("\n") || "(nothing)";
  if (decided) return ports.get(decided.name).classes[decided.data[0]] ?? `#${decided.data[0]}`;
  if (scored) {
    const top = scored.data.indexOf(Math.max(...scored.data));
    return ports.get(scored.name).labels?.[top] ?? String(top);
  }
  const only = answer.outputs.length === 1 && answer.outputs[0].data.length === 1;
  if ($("words").children.length) return null;
  return only ? number(answer.outputs[0].data[0]) : "done";
}

/** Values of one output: shades where both its axes are steps of texts, else the first of them. */
function numbersOf(output, port, steps) {
  const [rows, columns] = [steps.get(port.dims[1]), steps.get(port.dims[2])];
  const count = rows && columns ? rows.length * columns.length : 0;
  if (output.shape.length === 3 && count && count === output.data.length && count <= MOST_SHADES) {
    return shades(output.name, output.data, rows, columns);
  }
  const row = document.createElement("details");
  const title = document.createElement("summary");
  title.textContent = `${output.name} [${output.shape.join(", ")}]`;
  const named = port.classes ? (id) => port.classes[id] ?? `#${id}` : number;
  const values = output.data.slice(0, 200).map(named).join(" ");
  const pre = document.createElement("pre");
  pre.textContent = `${values}${output.data.length > 200 ? " …" : ""}`;
  row.append(title, pre);
  row.open = steps.size === 0;
  return row;
}

/** One row of scores, one for each of a fixed number of classes. */
function isScores(output, port) {
  const classes = port?.shape.length <= 2 ? port.shape.at(-1) : 0;
  return output.datatype.startsWith("FP") && classes >= 2 && output.data.length === classes &&
    output.data.every((value) => value !== null);
}

function best(outputs) {
  return outputs.find((output) => isDistribution(output.data)) ?? outputs[0];
}

function isDistribution(values) {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.every((v) => v >= 0 && v <= 1) && Math.abs(sum - 1) < 0.01;
}

/** Whether both are the same shares, up to what half precision rounds. */
function isSame(values, others) {
  if (values.length !== others.length || values.some((v) => typeof v !== "number")) return false;
  const [shares, known] = [sharesOf(values), sharesOf(others)];
  return shares.every((share, i) => Math.abs(share - known[i]) < 0.003);
}

/** Probabilities as they are; other scores by softmax. */
function sharesOf(values) {
  if (isDistribution(values)) return values;
  const top = Math.max(...values);
  const powers = values.map((value) => Math.exp(value - top));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function labelsOf(about) {
  return about.outputs.find((port) => port.labels)?.labels ?? [];
}

function bars(rows) {
  const top = Math.max(...rows.map((row) => row.share));
  let shown = rows;
  if (rows.length > MOST_BARS) {
    shown = rows.toSorted((a, b) => b.share - a.share).slice(0, MOST_BARS);
  }
  const field = $("bars");
  while (field.children.length > shown.length) field.lastChild.remove();
  shown.forEach((row, i) => {
    let bar = field.children[i];
    if (!bar) {
      bar = document.createElement("div");
      bar.setAttribute("role", "listitem");
      bar.append(...["span", "i", "span"].map((tag) => document.createElement(tag)));
      field.append(bar);
    }
    bar.className = row.share === top && top > 0 ? "bar best" : "bar";
    bar.children[0].textContent = row.label;
    bar.children[1].style.setProperty("--share", row.share);
    bar.children[2].textContent = row.text;
  });
}

/** The answer in large letters; null where others say it. */
function headline(text) {
  $("headline").hidden = text === null;
  $("headline").textContent = text ?? "";
  $("headline").className = (text ?? "").length > 40 ? "sentence" : (text ?? "").length > 8 ? "long" : "";
}

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 ? 0 : 1)} %`;
const number = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(5) : String(value);
