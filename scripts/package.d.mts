export const publishedName: string;
export function packPublished(destination: string): string;
