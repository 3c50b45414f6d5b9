-- What an action is about where that is no incident: a population whose reference is frozen, a change that was announced. A JSON object.
ALTER TABLE actions {{onCluster}} ADD COLUMN IF NOT EXISTS about String DEFAULT '{}' AFTER verdict;
