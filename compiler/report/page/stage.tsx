/** A canvas with a drawing that can be zoomed, moved, fitted and walked through with keys; what is pointed at is told in a tooltip. */
import { select } from "d3-selection";
import { type D3ZoomEvent, zoom, type ZoomBehavior, zoomIdentity, type ZoomTransform } from "d3-zoom";
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Rect } from "../../../ir/placement.ts";
import type { Scene } from "../map/scene.ts";
import { sceneSvg } from "../map/svg.ts";
import { type Overlay, paint, type View } from "./paint.ts";

/** Something in a drawing. */
export interface Found {
  readonly id: number;
  readonly title: string;
}

export interface StageProps {
  readonly id: string;
  /** what it shows, for those who do not see it */
  readonly label: string;
  readonly scene: Scene;
  /** the same in the light scheme, for paper */
  readonly paper: () => Scene;
  readonly overlay?: Overlay | null;
  readonly find: (x: number, y: number) => Found | null;
  readonly onPick: (id: number | null) => void;
  /** keys that walk: to the next (1) and to the one before (-1) */
  readonly onStep: (by: 1 | -1) => void;
  /** brought into sight when it changes */
  readonly focus: Rect | null;
  /** how the drawing is shown first: all of it, or its top at full width */
  readonly start?: "all" | "top";
  /** over the drawing, by the view */
  readonly rule?: (view: View, width: number) => ComponentChildren;
  readonly children?: ComponentChildren;
}

const [zoomStep, panStep, margin, mostScale] = [1.5, 60, 8, 40];
const keyHint = "plus and minus zoom, 0 fits, arrows go from layer to layer, shift and arrows move, escape lets go";

interface Size {
  readonly width: number;
  readonly height: number;
}

const fitScale = (scene: Scene, { width, height }: Size): number =>
  Math.min((width - 2 * margin) / scene.width, (height - 2 * margin) / scene.height);

function startTransform(scene: Scene, size: Size, start: "all" | "top"): ZoomTransform {
  const whole = fitScale(scene, size);
  const scale = start === "all" ? whole : Math.max(whole, Math.min(1, (size.width - 2 * margin) / scene.width));
  const top = scale === whole ? (size.height - scene.height * scale) / 2 : margin;
  return zoomIdentity.translate((size.width - scene.width * scale) / 2, top).scale(scale);
}

export function Stage(props: StageProps): JSX.Element {
  const { id, label, scene, paper, overlay = null, find, onPick, onStep, focus, start = "all", rule, children } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const printed = useRef<HTMLDivElement>(null);
  const behavior = useRef<ZoomBehavior<HTMLCanvasElement, unknown> | null>(null);
  const [transform, setTransform] = useState<ZoomTransform>(zoomIdentity);
  const [size, setSize] = useState<Size | null>(null);
  const [tip, setTip] = useState<{ readonly x: number; readonly y: number; readonly title: string } | null>(null);
  const view: View = { scale: transform.k, left: transform.x, top: transform.y };

  useLayoutEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const measure = (): void => {
      setSize({ width: element.clientWidth, height: element.clientHeight });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => {
      observer.disconnect();
    };
  }, []);

  useEffect(() => {
    const element = canvas.current;
    if (element === null || size === null || size.width === 0) return undefined;
    const whole = fitScale(scene, size);
    const zooming = zoom<HTMLCanvasElement, unknown>()
      .scaleExtent([whole / 2, Math.max(mostScale, whole)])
      .translateExtent([
        [-scene.width / 2, -scene.height / 2],
        [scene.width * 1.5, scene.height * 1.5],
      ])
      // the wheel scrolls the page unless the drawing was clicked or a key is held
      .filter(
        (event: MouseEvent) =>
          event.button === 0 &&
          (event.type !== "wheel" || event.ctrlKey || event.metaKey || document.activeElement === element),
      )
      .on("zoom", (event: D3ZoomEvent<HTMLCanvasElement, unknown>) => {
        setTransform(event.transform);
      });
    behavior.current = zooming;
    const chosen = select(element);
    chosen.call(zooming);
    zooming.transform(chosen, startTransform(scene, size, start));
    return () => {
      chosen.on(".zoom", null);
    };
    // the drawing's shapes may change under the same view
  }, [scene.width, scene.height, size?.width, size?.height, start]);

  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    const element = canvas.current;
    if (context == null || element === null || size === null) return undefined;
    const frame = requestAnimationFrame(() => {
      const density = window.devicePixelRatio;
      const [width, height] = [Math.round(size.width * density), Math.round(size.height * density)];
      if (element.width !== width) element.width = width;
      if (element.height !== height) element.height = height;
      paint(context, scene, view, { ...size, density }, overlay);
    });
    return () => {
      cancelAnimationFrame(frame);
    };
  }, [scene, overlay, transform, size]);

  useEffect(() => {
    // paper has no zoom: all of the drawing, as lines
    const print = (): void => {
      if (printed.current !== null) printed.current.innerHTML = sceneSvg(paper(), label);
    };
    window.addEventListener("beforeprint", print);
    return () => {
      window.removeEventListener("beforeprint", print);
    };
  }, [paper, label]);

  const move = (act: (zooming: ZoomBehavior<HTMLCanvasElement, unknown>, element: HTMLCanvasElement) => void): void => {
    if (canvas.current !== null && behavior.current !== null) act(behavior.current, canvas.current);
  };
  const zoomBy = (factor: number): void => {
    move((zooming, element) => {
      zooming.scaleBy(select(element), factor);
    });
  };
  const panBy = (x: number, y: number): void => {
    move((zooming, element) => {
      zooming.translateBy(select(element), x / view.scale, y / view.scale);
    });
  };
  const fit = (): void => {
    move((zooming, element) => {
      if (size !== null) zooming.transform(select(element), startTransform(scene, size, "all"));
    });
  };

  useEffect(() => {
    if (focus === null || size === null) return;
    const [x, y] = [
      (focus.x + focus.width / 2) * view.scale + view.left,
      (focus.y + focus.height / 2) * view.scale + view.top,
    ];
    if (x >= 0 && y >= 0 && x <= size.width && y <= size.height) return;
    move((zooming, element) => {
      zooming.translateTo(select(element), focus.x + focus.width / 2, focus.y + focus.height / 2);
    });
  }, [focus?.x, focus?.y, focus?.width, focus?.height]);

  const under = (event: { readonly offsetX: number; readonly offsetY: number }): Found | null =>
    find((event.offsetX - view.left) / view.scale, (event.offsetY - view.top) / view.scale);

  const keys: Readonly<Record<string, () => void>> = {
    "+": () => {
      zoomBy(zoomStep);
    },
    "=": () => {
      zoomBy(zoomStep);
    },
    "-": () => {
      zoomBy(1 / zoomStep);
    },
    "0": fit,
    Escape: () => {
      onPick(null);
    },
    ArrowRight: () => {
      onStep(1);
    },
    ArrowDown: () => {
      onStep(1);
    },
    ArrowLeft: () => {
      onStep(-1);
    },
    ArrowUp: () => {
      onStep(-1);
    },
    "shift ArrowRight": () => {
      panBy(-panStep, 0);
    },
    "shift ArrowLeft": () => {
      panBy(panStep, 0);
    },
    "shift ArrowDown": () => {
      panBy(0, -panStep);
    },
    "shift ArrowUp": () => {
      panBy(0, panStep);
    },
  };

  return (
    <div class="stage" id={id}>
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label={`${label}; ${keyHint}`}
        onKeyDown={(event) => {
          const act = keys[event.shiftKey && event.key.startsWith("Arrow") ? `shift ${event.key}` : event.key];
          if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          act();
        }}
        onPointerMove={(event) => {
          const found = under(event);
          setTip(found === null ? null : { x: event.offsetX, y: event.offsetY, title: found.title });
        }}
        onPointerLeave={() => {
          setTip(null);
        }}
        onClick={(event) => {
          onPick(under(event)?.id ?? null);
        }}
      />
      {rule === undefined || size === null ? null : rule(view, size.width)}
      <div class="stage-buttons">
        <button
          type="button"
          aria-label="Zoom in"
          onClick={() => {
            zoomBy(zoomStep);
          }}
        >
          +
        </button>
        <button
          type="button"
          aria-label="Zoom out"
          onClick={() => {
            zoomBy(1 / zoomStep);
          }}
        >
          −
        </button>
        <button type="button" onClick={fit}>
          Fit
        </button>
        {children}
      </div>
      {tip === null ? null : (
        <div class="tip" role="tooltip" style={tipPlace(tip, size)}>
          {tip.title}
        </div>
      )}
      <div class="print-only" ref={printed} />
    </div>
  );
}

/** Beside the pointer, on the side that has more room. */
function tipPlace(
  { x, y }: { readonly x: number; readonly y: number },
  size: Size | null,
): Readonly<Record<string, string>> {
  const { width, height } = size ?? { width: 0, height: 0 };
  return {
    ...(x < width / 2 ? { left: `${x + 14}px` } : { right: `${width - x + 14}px` }),
    ...(y < height / 2 ? { top: `${y + 14}px` } : { bottom: `${height - y + 14}px` }),
  };
}
