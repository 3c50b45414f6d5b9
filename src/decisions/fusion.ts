/** The tests of a category's detectors become one. */
export { combine } from '../sketches/combination.ts'
