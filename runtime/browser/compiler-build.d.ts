/** Written by the build: the digest of the compiler for a worker. */
export declare const build: string;
