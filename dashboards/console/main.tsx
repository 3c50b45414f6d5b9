import { render } from 'preact'
import 'uplot/dist/uPlot.min.css'
import './styles/base.css'
import './styles/parts.css'
import './styles/pictures.css'
import './styles/pages.css'
import { follow } from './live.ts'
import { startRouter } from './router.ts'
import { Shell } from './shell.tsx'

startRouter()
render(<Shell />, document.getElementById('app')!)
void follow()
