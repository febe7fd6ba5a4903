// Makes the files of a new embedded database in the folder that it is started with, and ends.
import { PGlite } from '@electric-sql/pglite';

const db = await PGlite.create({ dataDir: process.argv[2] });
await db.close();
