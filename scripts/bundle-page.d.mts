export interface PageBundle {
  readonly script: string;
  readonly style: string;
}

export function bundlePage(): Promise<PageBundle>;
