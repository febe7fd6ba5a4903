// Where class-transformer keeps what its decorators say; its types are elsewhere in the package.
declare module 'class-transformer/cjs/storage.js' {
  export { defaultMetadataStorage } from 'class-transformer/types/storage.js';
}
