import { expect, it } from 'vitest'
import { namesCredential } from '../../src/http/credential-name.ts'

it.each([
  'x-api-key',
  'apikey',
  'x-parse-session-token',
  'x-auth-token',
  'x-amz-security-token',
  'x-access-key',
  'cf-access-jwt-assertion',
  'x-auth',
  'cookie:sid',
  'cookie:connect.sid',
  'cookie:PHPSESSID',
  'cookie:JSESSIONID',
  'cookie:accessToken',
  'cookie:userAuth',
  'cookie:koa.sess',
  'cookie:remember_me',
])('%s names a credential', (name) => {
  expect(namesCredential(name)).toBe(true)
})

it.each([
  'accept',
  'x-author',
  ':authority',
  'cookie:theme',
  'cookie:sidebar',
  'x-requested-with',
  'x-inside',
  'cookie:possessed',
])('%s names none', (name) => {
  expect(namesCredential(name)).toBe(false)
})
