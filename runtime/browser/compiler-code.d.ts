/** Written by the build: the compiler for a worker, as the text of a script. */
export declare const code: string;
