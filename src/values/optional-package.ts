import { createRequire } from 'node:module'
import { join } from 'node:path'

/**
 * A package that the application may have installed, loaded by a name that bundlers do not see: they would look for it, and
 * fail where it is missing.
 *
 * @throws what Node says where it is not installed
 */
export function optionalPackage(name: string): unknown {
  // The package is CommonJS when it is installed; as ES modules it runs in its own tests alone.
  const from = typeof __filename === 'string' ? __filename : join(process.cwd(), 'package.json')
  return createRequire(from)(name)
}
