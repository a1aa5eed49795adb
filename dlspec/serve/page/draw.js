// Drawing, and the picture that the model gets of it.

const KEY_STEP = 0.03;

/** A field to draw on. Strokes are lists of [x, y] from 0 to 1; `changed` gets them all. */
export class DrawingPad {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.strokes = [];
    this.pen = null; // the pointer that draws
    this.cursor = [0.5, 0.5];
    this.down = false; // the keyboard's pen
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, () => (this.pen = null));
    }
    canvas.addEventListener("keydown", (event) => this.key(event));
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, () => this.paint());
    this.update();
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  begin(event) {
    if (event.button !== 0 || this.pen !== null) return;
    this.pen = event.pointerId;
    this.down = false;
    this.canvas.setPointerCapture(event.pointerId);
    this.strokes.push([this.place(event)]);
    this.update();
  }

  move(event) {
    if (event.pointerId !== this.pen) return;
    const events = event.getCoalescedEvents?.() ?? [];
    const last = this.strokes.at(-1);
    for (const each of events.length ? events : [event]) last?.push(this.place(each));
    this.update();
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const step = steps[event.key];
    if (step) {
      this.cursor = this.cursor.map((c, i) => Math.min(0.97, Math.max(0.03, c + KEY_STEP * step[i])));
      if (this.down) this.strokes.at(-1).push(this.cursor);
    } else if (event.key === " ") {
      this.down = !this.down;
      if (this.down) this.strokes.push([this.cursor]);
    } else if (event.key === "Escape" || event.key === "Delete") {
      this.clear();
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) {
      this.undo();
    } else {
      return;
    }
    event.preventDefault();
    this.update();
  }

  undo() {
    this.strokes.pop();
    this.pen = null;
    this.down = false;
    this.update();
  }

  clear() {
    this.strokes = [];
    this.pen = null;
    this.down = false;
    this.update();
  }

  update() {
    this.paint();
    this.changed(this.strokes);
  }

  paint() {
    const { width, height } = this.canvas;
    const context = this.canvas.getContext("2d");
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    trace(context, this.strokes, ([x, y]) => [x * width, y * height], width * 0.075);
    if (document.activeElement === this.canvas && this.canvas.matches(":focus-visible")) {
      const [x, y] = this.cursor;
      context.beginPath();
      context.arc(x * width, y * height, width * 0.02, 0, 7);
      context.lineWidth = 3;
      context.strokeStyle = this.down ? "#ffd43b" : "#8da2ff";
      context.stroke();
    }
    if (this.strokes.length === 0) {
      context.fillStyle = "#7d8598";
      context.font = `${width / 18}px system-ui, sans-serif`;
      context.textAlign = "center";
      context.fillText("draw here", width / 2, height / 2 + width * 0.09);
    }
  }
}

function trace(context, strokes, place, lineWidth) {
  context.strokeStyle = "#fff";
  context.lineWidth = lineWidth;
  context.lineCap = context.lineJoin = "round";
  for (const stroke of strokes) {
    context.beginPath();
    const [x, y] = place(stroke[0]);
    context.moveTo(x, y);
    context.lineTo(x + 0.01, y); // a line of no length would leave no dot
    for (const point of stroke.slice(1)) context.lineTo(...place(point));
    context.stroke();
  }
}

/**
 * The grey values, 0 to 255, of strokes as MNIST's digits are made: white on black, the longer side
 * of the box around the ink 20/28 of the picture, the centre of mass in the middle. Strokes are
 * drawn anew in that size, so that the pen's width does not depend on how large one draws.
 */
export function pixelsOf(strokes, width, height) {
  const pixels = new Uint8Array(width * height);
  const points = strokes.flat();
  if (points.length === 0) return pixels;
  const fine = 8; // each pixel is the mean of fine × fine
  const unit = Math.min(width, height) / 28;
  const pen = 2.3 * unit;
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const extent = Math.max(right - left, bottom - top, 0.12); // a dot stays a dot
  const scale = (20 * unit - pen) / extent;
  const canvas = document.createElement("canvas");
  canvas.width = width * fine;
  canvas.height = height * fine;
  const context = canvas.getContext("2d", { willReadFrequently: true });

  const render = (dx, dy) => {
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    const place = ([x, y]) => [
      fine * (width / 2 + scale * (x - (left + right) / 2) + dx),
      fine * (height / 2 + scale * (y - (top + bottom) / 2) + dy),
    ];
    trace(context, strokes, place, pen * fine);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  };

  let [mass, sumX, sumY] = [0, 0, 0];
  const first = render(0, 0);
  for (let y = 0, at = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++, at += 4) {
      mass += first[at];
      sumX += first[at] * x;
      sumY += first[at] * y;
    }
  }
  const data = render(width / 2 - (sumX / mass + 0.5) / fine, height / 2 - (sumY / mass + 0.5) / fine);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let j = 0; j < fine; j++) {
        const begin = ((y * fine + j) * canvas.width + x * fine) * 4;
        for (let i = 0; i < fine; i++) sum += data[begin + 4 * i];
      }
      pixels[y * width + x] = Math.round(sum / (fine * fine));
    }
  }
  return pixels;
}
