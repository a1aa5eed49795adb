// An answer as a word, bars and numbers.

const $ = (id) => document.getElementById(id);
const MOST_BARS = 20;

/** Show an answer of the protocol; null shows none. */
export function showAnswer(about, answer) {
  const shown = $("tables");
  shown.replaceChildren();
  if (answer === null) {
    headline("");
    bars(labelsOf(about).map((label) => ({ label, share: 0, text: "" })));
    return;
  }
  const ports = new Map(about.outputs.map((port) => [port.name, port]));
  const scored = best(answer.outputs.filter((output) => isScores(output, ports.get(output.name))));
  if (scored) {
    const port = ports.get(scored.name);
    const shares = sharesOf(scored.data);
    const labels = port.labels ?? shares.map((_, i) => String(i));
    bars(shares.map((share, i) => ({ label: labels[i], share, text: percent(share) })));
  } else {
    bars([]);
  }
  const decided = answer.outputs.find((o) => ports.get(o.name)?.classes && o.data.length === 1);
  if (decided) {
    headline(ports.get(decided.name).classes[decided.data[0]] ?? `#${decided.data[0]}`);
  } else if (scored) {
    const port = ports.get(scored.name);
    const top = scored.data.indexOf(Math.max(...scored.data));
    headline(port.labels?.[top] ?? String(top));
  } else {
    headline(answer.outputs.length === 1 && answer.outputs[0].data.length === 1
      ? number(answer.outputs[0].data[0]) : "done");
  }
  for (const output of answer.outputs) {
    if (output === scored || output === decided) continue;
    if (scored && output.data.length === scored.data.length) continue; // the same scores, unscaled
    const row = document.createElement("pre");
    const values = output.data.slice(0, 200).map(number).join(" ");
    const more = output.data.length > 200 ? " …" : "";
    row.textContent = `${output.name} [${output.shape.join(", ")}]\n${values}${more}`;
    shown.append(row);
  }
}

/** One row of scores, one for each of a fixed number of classes. */
function isScores(output, port) {
  const classes = port?.shape.at(-1);
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

function headline(text) {
  $("headline").textContent = text;
  $("headline").className = text.length > 8 ? "long" : "";
}

const percent = (share) => `${(100 * share).toFixed(share > 0.9995 ? 0 : 1)} %`;
const number = (value) =>
  typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(5) : String(value);
