import { describe, expect, it } from 'vitest';
import { inHouseStyle, withEndings } from './house-style.js';

const created = (text: string, file = 'lamp.ts') => inHouseStyle(`/src/lamp/${file}`, text);

describe('a file of a stock schematic', () => {
  it('imports files with their endings', async () => {
    const text = `import {
  A,
} from './lamp.controller';
import { B } from "../b/b.dto";
import { C } from './c.js';
import d from './d.json' with { type: 'json' };
import { E } from 'e';
`;
    expect(await created(text)).toBe(`import { A } from './lamp.controller.js';
import { B } from '../b/b.dto.js';
import { C } from './c.js';
import d from './d.json' with { type: 'json' };
import { E } from 'e';
`);
  });

  it('has neither any nor a parameter that is not used, unless it says so', async () => {
    const text = `export class Lamps {
  use(req: any, @Body() body: Body, next: () => void): Observable<any> {
    next();
  }
  dim(
    id: number, lampDto: LampDto) {
    return id;
  }
}
`;
    expect(await created(text)).toBe(`export class Lamps {
  use(_req: unknown, @Body() body: Body, next: () => void): Observable<unknown> {
    next();
  }
  dim(id: number, _lampDto: LampDto) {
    return id;
  }
}
`);
  });

  it('runs in Vitest if it is a spec', async () => {
    const text = `describe('Lamps', () => {
  it('should be defined', () => {
    expect(new Lamps()).toBeDefined();
  });
});
`;
    expect(await created(text, 'lamp.spec.ts')).toBe(`import { describe, expect, it } from 'vitest';
describe('Lamps', () => {
  it('is defined', () => {
    expect(new Lamps()).toBeDefined();
  });
});
`);
  });

  it('does not inherit if it is a dto', async () => {
    const text = `import { PartialType } from '@nestjs/mapped-types';
import { CreateLampDto } from './create-lamp.dto';

export class UpdateLampDto extends PartialType(CreateLampDto) {}
`;
    expect(await created(text)).toBe('export class UpdateLampDto {}\n');
  });
});

it('a file of the project keeps what is its own, but for the endings', async () => {
  const text = `import { A } from './a';

export const a = (b: any) => A;
`;
  expect(await withEndings('/src/a.ts', text)).toBe(text.replace("'./a'", "'./a.js'"));
});
