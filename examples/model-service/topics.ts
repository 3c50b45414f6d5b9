/** What people of the simulated service talk about: things, and what can be asked about them. */
export interface Topic {
  readonly name: string
  readonly things: readonly string[]
  readonly aspects: readonly string[]
}

const topic = (name: string, things: string, aspects: string): Topic => ({ name, things: things.split(', '), aspects: aspects.split(', ') })

export const topics: readonly Topic[] = [
  topic(
    'cooking',
    'sourdough loaf, lentil soup, roast chicken, mushroom risotto, apple crumble, vegetable curry, pizza dough, fish tacos, pancake batter, bean stew, potato gratin, tomato sauce',
    'oven temperature, resting time, seasoning, a substitute for butter, leftovers, how long it keeps in the fridge, a version without gluten, the texture, side dishes, doubling the amounts',
  ),
  topic(
    'gardening',
    'tomato seedlings, raised bed, compost heap, rose bush, apple tree, herb spiral, lawn, greenhouse, hedge, strawberry patch, clay soil, balcony planter',
    'pruning, watering in summer, slugs, fertiliser, the right spot, yellow leaves, winter protection, when to sow, companion plants, mulching',
  ),
  topic(
    'typescript',
    'generic function, discriminated union, tsconfig, async iterator, build script, type guard, module resolution, fetch wrapper, event emitter, decorator, unit test, monorepo package',
    'the compiler error, inference, strict null checks, circular imports, performance, readability, a migration from JavaScript, error handling, test coverage, backwards compatibility',
  ),
  topic(
    'databases',
    'slow query, composite index, migration script, transaction, partitioned table, replica, connection pool, materialized view, foreign key, backup job, full-text search, time series table',
    'locking, the execution plan, isolation levels, disk usage, a safe rollback, monitoring, vacuuming, concurrency, normalisation, failover',
  ),
  topic(
    'payments',
    'refund, chargeback, direct debit, invoice, subscription renewal, credit card form, payout, dunning letter, gift card, split payment, receipt, exchange rate',
    'the fee, failed attempts, reconciliation, tax treatment, the customer notice, fraud screening, currency rounding, due dates, the ledger entry, partial amounts',
  ),
  topic(
    'travel',
    'night train, hostel, ferry crossing, rental car, city pass, hiking hut, airport transfer, camper van, museum ticket, rail pass, guesthouse, window seat',
    'the cancellation rules, luggage limits, the cheapest month, visa questions, travelling with a toddler, connections, accessibility, local holidays, insurance, what to pack',
  ),
  topic(
    'fitness',
    'deadlift, half marathon, rowing machine, stretching routine, interval session, yoga class, swim training, kettlebell swing, rest day, warm-up, bench press, cycling tour',
    'knee pain, heart rate zones, a plan for eight weeks, recovery, posture, breathing, sleep, protein, motivation, overtraining',
  ),
  topic(
    'parenting',
    'bedtime, school bag, homework, screen time, birthday party, pocket money, potty training, sibling quarrel, reading aloud, packed lunch, swimming lesson, tantrum',
    'clear rules, praise, patience, a weekly plan, talking to the teacher, fears, rewards, age-appropriate expectations, grandparents, consistency',
  ),
  topic(
    'law',
    'rental contract, notice period, privacy policy, power of attorney, warranty claim, non-disclosure agreement, employment contract, terms of service, trademark, will, deposit, liability clause',
    'the deadline, plain wording, missing signatures, obligations of the landlord, termination, consumer rights, the burden of proof, damages, jurisdiction, exceptions',
  ),
  topic(
    'medicine',
    'blood pressure, migraine, seasonal allergy, vaccination, back pain, iron deficiency, sleep apnoea, sprained ankle, eczema, thyroid values, cough, dental check-up',
    'warning signs, side effects, questions for the doctor, home remedies, lab values, how long it lasts, prevention, diet, medication timing, when to see a specialist',
  ),
  topic(
    'marketing',
    'newsletter, landing page, product launch, press release, slogan, customer survey, loyalty programme, social media post, webinar, case study, banner ad, referral campaign',
    'the subject line, click rates, tone of voice, target group, a call to action, A/B testing, the budget, a content calendar, search ranking, testimonials',
  ),
  topic(
    'human resources',
    'job interview, onboarding plan, performance review, salary band, sick leave, parental leave, team workshop, exit interview, remote work policy, apprenticeship, reference letter, holiday calendar',
    'fairness, difficult feedback, documentation, legal limits, the first ninety days, motivation, overtime, a friendly rejection, bias, development goals',
  ),
  topic(
    'physics homework',
    'inclined plane, pendulum, electric circuit, thin lens, ideal gas, projectile, standing wave, magnetic field, heat pump, capacitor, spring, radioactive decay',
    'the formula, units, energy conservation, a sketch, the sign convention, a worked example, measurement error, limits of the model, the derivation, a common mistake',
  ),
  topic(
    'history class',
    'trade route, printing press, steam engine, peasant revolt, peace treaty, medieval guild, Roman aqueduct, suffrage movement, colonial trade, city charter, railway boom, plague years',
    'causes, consequences, key figures, primary sources, a timeline, different interpretations, daily life, economic background, an essay outline, its legacy',
  ),
  topic(
    'language learning',
    'past tense, separable verbs, subjunctive, vocabulary cards, listening practice, pronunciation, false friends, word order, small talk, business letter, irregular plurals, prepositions',
    'an exercise, common mistakes, a mnemonic, example sentences, polite forms, a study plan, dialects, spelling, exceptions, the difference in meaning',
  ),
  topic(
    'home repair',
    'dripping tap, squeaky door, wall plug, radiator, loose tile, window seal, light switch, washing machine, gutter, parquet floor, drain, roller blind',
    'the right tool, mould, drilling, tightness, noise, whom to call, cost, safety, spare parts, drying time',
  ),
  topic(
    'cars',
    'winter tyres, brake pads, charging station, oil change, used car, dashboard warning, timing belt, car insurance, tow bar, hybrid battery, inspection, parking sensor',
    'the price, wear, range in the cold, mileage, a strange noise, warranty, resale value, fuel consumption, the manual, do-it-yourself',
  ),
  topic(
    'music',
    'chord progression, drum pattern, vocal warm-up, guitar solo, string quartet, mixing desk, practice routine, piano fingering, jazz standard, lyrics, home recording, metronome',
    'rhythm, the key, dynamics, stage fright, improvisation, arrangement, tempo, ear training, noise in the recording, memorising',
  ),
  topic(
    'kubernetes',
    'ingress, stateful set, helm chart, liveness probe, node pool, persistent volume, service account, autoscaler, rolling update, sidecar, network policy, cron job',
    'memory limits, a crash loop, certificates, secrets, scheduling, log collection, cost, a canary, permissions, timeouts',
  ),
  topic(
    'statistics',
    'confidence interval, logistic regression, survey weights, outlier, p-value, time series, control group, sample size, missing values, correlation, bootstrap, histogram',
    'assumptions, interpretation, code in R, code in Python, bias, effect size, a plain explanation, multiple testing, the plot, reporting',
  ),
]

/** What one asks a model about who wants all of it: encyclopaedic subjects that no customer of the service works on. */
export const encyclopaedia = {
  subjects:
    'the Orinoco basin, basalt columns, the Hanseatic League, photosynthetic bacteria, the Tang dynasty, prime ideals, coral bleaching, the Peloponnesian war, plate tectonics, Byzantine iconoclasm, quasars, Mayan calendars, monotremes, the Baltic languages, tidal locking, Gothic vaulting, mitochondrial inheritance, the Silk Road, superconductors, Norse cosmology, the carbon cycle, Etruscan tombs, graph colouring, glacial moraines, the Ottoman court, enzymes, tropical cyclones, Sanskrit grammar, neutron stars, cuneiform tablets, lichens, the Marshall Islands, set theory, Andean terraces, cephalopods, the Treaty of Utrecht, stalactites, Persian miniatures, radio galaxies, the Atacama desert, fermat numbers, bryophytes, Minoan palaces, ocean gyres, the Khmer empire, amino acids, volcanic islands, Aramaic inscriptions'.split(
      ', ',
    ),
  facets:
    'origin and formation, taxonomy, chronology, governing equations, geographic distribution, notable controversies, internal structure, classification criteria, quantitative estimates, historiography, symbolism, underlying mechanisms, boundary cases, comparative analysis, canonical examples, open problems'.split(
      ', ',
    ),
} as const
