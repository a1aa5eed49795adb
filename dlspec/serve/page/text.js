// Texts: fields to type them in, and their words with what the model says of each.

const $ = (id) => document.getElementById(id);
const WORD = /[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/gu;
const PAUSE = 120; // ms after the last key
const MOST_STRANGERS = 8;

/** Inputs that take a text. Those that share their steps are the same text, taken apart otherwise. */
export function textGroups(about) {
  const groups = new Map();
  for (const port of about.inputs) {
    if (port.origin !== "data" || port.datatype !== "BYTES") continue;
    groups.set(port.dims[1], [...(groups.get(port.dims[1]) ?? []), port]);
  }
  return [...groups.values()];
}

/** The steps of a text, as the model takes it apart; null where they are no words or letters. */
export function stepsOf(text, port) {
  const { by } = port.parameters;
  if (port.dims.length > 2) {
    if (by !== "words") return text.match(WORD) ?? [];
    const lines = text.split(/\r\n|\n|\r/);
    return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
  }
  if (by === "words") return text.match(WORD) ?? [];
  return by === "characters" ? Array.from(text) : null;
}

/** What a text is for the model: "up to 64 words". */
export function kindOf(port) {
  const { by, longest } = port.parameters;
  const steps = port.dims.length > 2 ? (by === "words" ? "lines" : "words") : by;
  return longest ? `up to ${longest} ${steps}` : steps;
}

/** The words of a text that its vocabulary has not. */
function strangers(text, port) {
  if (port.dims.length > 2 || !["words", "characters"].includes(port.parameters.by)) return [];
  const known = new Set(port.classes);
  return [...new Set(stepsOf(text, port).filter((step) => !known.has(step)))];
}

/** Put fields into a form; `changed` gets the texts by group, null once all are empty. */
export function startTexts(form, groups, changed) {
  const fields = groups.map((ports) => {
    const name = ports.map((port) => port.name).join(", ");
    const label = document.createElement("label");
    const kind = document.createElement("small");
    kind.textContent = ` ${kindOf(ports[0])}`;
    label.append(name, kind);
    const field = document.createElement("textarea");
    field.id = label.htmlFor = `input-${ports[0].name}`;
    field.className = "text";
    field.placeholder = "Type a text";
    field.autocapitalize = "off";
    field.spellcheck = false;
    const hint = document.createElement("p");
    hint.className = "hint";
    form.append(label, field, hint);
    return field;
  });
  let waiting = 0;
  const tell = () => {
    const texts = fields.map((field) => field.value);
    fields.forEach((field, i) => {
      const found = strangers(field.value, groups[i][0]).map((step) => `“${step}”`);
      const more = found.length > MOST_STRANGERS ? " …" : "";
      const said = `Not in the vocabulary: ${found.slice(0, MOST_STRANGERS).join(", ")}${more}`;
      field.nextElementSibling.textContent = found.length ? said : "";
    });
    changed(texts.every((text) => text.trim() === "") ? null : texts);
  };
  for (const field of fields) {
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(tell, PAUSE);
    });
  }
  const row = document.createElement("div");
  row.className = "row";
  const clear = document.createElement("button");
  clear.type = "button";
  clear.id = "clear-text";
  clear.textContent = "Clear";
  clear.addEventListener("click", () => {
    for (const field of fields) field.value = "";
    fields[0].focus();
    tell();
  });
  row.append(clear);
  form.append(row);
  fields[0].focus({ preventScroll: true });
}

/** Words, each with its label beneath; those that are not in the vocabulary are marked. */
export function showWords(words, rows, known) {
  const shown = $("words");
  shown.replaceChildren();
  words.forEach((word, i) => {
    const pair = document.createElement("span");
    pair.className = "word";
    const above = document.createElement("b");
    above.textContent = word.trim() === "" ? "␣" : word;
    if (known && !known.has(word)) {
      above.className = "unknown";
      above.title = "not in the vocabulary";
    }
    pair.append(above);
    for (const labels of rows) {
      const label = document.createElement("small");
      label.textContent = labels[i];
      label.style.setProperty("--hue", hueOf(labels[i]));
      pair.append(label);
    }
    shown.append(pair);
  });
}

/** A colour that a label always has. */
function hueOf(label) {
  let sum = 0;
  for (const letter of label) sum = (31 * sum + letter.codePointAt(0)) % 997;
  return (sum * 137.5) % 360;
}

/** Which steps of one text were looked at for each step of another: a table of shades. */
export function shades(name, values, rows, columns) {
  const table = document.createElement("table");
  table.className = "shades";
  table.createCaption().textContent = name;
  const head = table.createTHead().insertRow();
  head.append(document.createElement("td"));
  const heading = (text, scope) => {
    const cell = document.createElement("th");
    cell.scope = scope;
    const inner = document.createElement("span");
    inner.textContent = text.trim() === "" ? "␣" : text;
    cell.append(inner);
    return cell;
  };
  head.append(...columns.map((text) => heading(text, "col")));
  const top = Math.max(...values, 1e-9);
  const body = table.createTBody();
  rows.forEach((text, r) => {
    const row = body.insertRow();
    row.append(heading(text, "row"));
    columns.forEach((_, c) => {
      const value = values[r * columns.length + c];
      const cell = row.insertCell();
      cell.title = value.toPrecision(3);
      cell.style.setProperty("--share", Math.max(0, value / top));
    });
  });
  const frame = document.createElement("div");
  frame.className = "frame";
  frame.append(table);
  return frame;
}
