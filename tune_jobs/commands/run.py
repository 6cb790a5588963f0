"""`run`: train what a study needs and the ledger lacks, round after round until nothing more becomes known."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from models.history import TIMED_OUT
from tune_jobs.commands.run_findings import closing_lines
from tune_jobs.errors import StorageRefusedError
from tune_jobs.ledger import provenance
from tune_jobs.ledger.confirmed import write_picks
from tune_jobs.ledger.ledger import Ledger
from tune_jobs.ledger.looks import write_looks
from tune_jobs.ledger.record import FAILED
from tune_jobs.ledger.runs import Manifest, live_beacons, now, variant_id, write_manifest
from tune_jobs.standing.confirmed import check_confirms, unreadable_picks
from tune_jobs.standing.counts import Counts
from tune_jobs.standing.fingerprints import data_fingerprints
from tune_jobs.standing.kept_modes import stand_with_modes
from tune_jobs.standing.looks import compares, open_rows
from tune_jobs.standing.standing import Standing, stand
from tune_jobs.standing.words import disagreement_warnings
from tune_jobs.storage.storage import Storage
from tune_jobs.study.data_words import MOST_COLUMNS, data_in_words
from tune_jobs.study.model import Study
from tune_jobs.study.trackers import chosen_trackers
from tune_jobs.trackers.tracking import Tracking, require_clients
from tune_jobs.training.declared_looks import with_declared_looks
from tune_jobs.training.ending import end_refused, exit_code
from tune_jobs.training.exit_codes import INTERRUPTED
from tune_jobs.training.gpu_share import with_gpu_share
from tune_jobs.training.ray_address import check_address
from tune_jobs.training.run_context import RunContext
from tune_jobs.training.run_options import RunOptions
from tune_jobs.training.search_run import train_search
from tune_jobs.training.settings import Settings
from tune_jobs.training.table_run import train_trials
from tune_jobs.trial.trial import Trial
from tune_jobs.words import counted


def run_study(study: Study, settings: Settings[RunOptions], *, say: Callable[[str], None] = print) -> int:
    """Run what is missing; return the exit code.

    0 if all ended well; 1 with trials that failed, were lost or reached their time limit, or if the storage took no
    more results; 130 interrupted.

    Raises:
        UserError: bad input, or a cluster that does not answer, found before anything is trained.
    """
    storage, options = Storage.at(settings.storage), settings.options
    study, settings = with_declared_looks(study, settings)
    if options.confirm:
        check_confirms(study)
    trackers = chosen_trackers(study.trackers, options.tracker)
    require_clients(trackers)
    seeds = range(settings.seeds)
    fingerprints = data_fingerprints(study, seeds, settings.data_dir, download=options.download)
    ledger = Ledger.find(storage) if options.dry_run else Ledger.open(storage, create=True)
    standing = stand_with_modes(
        study,
        storage,
        ledger and ledger.patient(),
        seeds,
        fingerprints,
        stack=settings.resources.stack,
        device=settings.device,
        processes=settings.processes,
        keep=not options.dry_run,
        say=say,
    )
    study = standing.study
    settings = with_gpu_share(settings, study, storage, measures=not options.dry_run, say=say)
    for line in data_in_words(study, standing.rows, most=MOST_COLUMNS):
        say(f"data: {line}")
    for line in () if options.confirm else unreadable_picks(standing.study, standing.rows, standing.picks):
        say(line)
    if options.dry_run or standing.ledger is None:
        _say_counts(_count(standing, settings), say)
        return 0
    with Tracking(trackers, storage, study.name, say) as tracking, ExitStack() as ray_exit:
        run = RunContext(standing.study, standing.ledger, settings, say, ray_exit, tracking.ended)
        rounds = _Rounds(run, settings, tracking)
        try:
            code = rounds.run(standing)
        except StorageRefusedError as error:
            return end_refused(error, storage, say)
        tracking.interrupted = code == INTERRUPTED
    if rounds.rounds and code != INTERRUPTED:
        trials = max(len(standing.trials), len(rounds.tried))
        for line in closing_lines(standing.study, trials, lambda: _again(standing)):
            say(line)
    return code


def _again(standing: Standing) -> Standing:
    """Read again where a study stands."""
    return stand(standing.study, standing.ledger, standing.seeds, standing.fingerprints)


def _count(standing: Standing, settings: Settings[RunOptions], *, retry_failed: bool | None = None) -> Counts:
    retry = settings.options.retry_failed if retry_failed is None else retry_failed
    missing = standing.missing(
        time_limit_seconds=settings.limit_seconds, retry_failed=retry, time_alone=settings.options.time_alone
    )
    return Counts(standing, missing)


def _say_counts(counts: Counts, say: Callable[[str], None]) -> None:
    say(str(counts))
    for line in disagreement_warnings(counts.standing.contents):
        say(line)


@dataclass
class _Rounds:
    """The rounds of a run.

    What has ended makes more known: a stage, a search, what follows it. It may also ask for more epochs of a trial that
    this run has trained already. Once all that is missing was tried in this run, no further round helps.
    """

    ongoing: RunContext
    settings: Settings[RunOptions]
    tracking: Tracking
    code: int = 0
    tried: list[Trial] = field(default_factory=list)
    rounds: int = 0
    searched: bool = False
    progress_before: tuple[int, int] | None = None
    confirmed: bool = False

    def run(self, standing: Standing) -> int:
        while True:
            more = _again(standing) if self._round(standing) else self._look(standing) or self._confirm(standing)
            if more is None:
                return self.code
            standing = more

    def _look(self, before: Standing) -> Standing | None:
        """Take the next look of a study that adds seeds until its levels are decided.

        Returns:
            Where the study stands with the seeds that some levels get now; None where none gets more.
        """
        if before.looks is None or before.looks.next is None or self.code:
            return None
        from analysis.tables.looks import after_look

        standing = _again(before)
        # Once all levels are decided, there is nothing to look at with more seeds: they have none.
        decided = before.looks.taken and not open_rows(standing.study, standing.rows, before.looks)
        looks = None if decided or standing.missing() else after_look(standing)
        if looks is None:
            return None
        study, ledger = standing.study, standing.existing_ledger
        write_looks(ledger.storage, study.name, variant_id(study.overrides, study.fraction), looks)
        compared = [row for row in standing.rows if compares(study, row)]
        left = len(open_rows(study, standing.rows, looks))
        found = f"{len(compared) - left} of {counted(len(compared), 'level')} decided"
        more = ""
        if left and looks.next:
            defaults = "its default" if left == 1 else "the defaults"
            more = f"; {counted(left, 'open level')} and {defaults} get {looks.next - looks.taken[-1]} more seeds"
        self.ongoing.say(f"a look at {looks.taken[-1]} seeds: {found}{more}")
        return _again(standing) if left and looks.next else None

    def _confirm(self, before: Standing) -> Standing | None:
        """Pick the best row of each table once all have ended.

        Returns:
            Where the study stands with their fresh seeds; None where none is to be trained.
        """
        if not self.settings.options.confirm or self.confirmed or self.code:
            return None
        self.confirmed = True
        standing = _again(before)
        study = standing.study
        if standing.missing():
            return None
        from analysis.tables.confirming import picked

        picks = picked(standing)
        write_picks(standing.existing_ledger.storage, study.name, variant_id(study.overrides, study.fraction), picks)
        defaults = {(row.table, row.labels) for row in standing.rows if row.is_default}
        for table in study.tables:
            pick = picks.get(table.name)
            if pick is None:
                self.ongoing.say(f"confirm: {table.title}: no default with numbers to compare the best with")
            elif (table.name, pick.labels) in defaults:
                self.ongoing.say(f"confirm: {table.title}: the default is the best; nothing is trained for it")
            else:
                fresh = counted(pick.seeds, "fresh seed")
                self.ongoing.say(f"confirm: {table.title}: {', '.join(pick.labels)} and the default, with {fresh}")
        confirming = _again(standing)
        return confirming if confirming.missing() else None

    def _exit_code(self, standing: Standing) -> int:
        """The exit code of a run that has nothing to train."""
        limit = self.settings.limit_seconds
        return exit_code(_endings(standing), standing.study, self.ongoing.say, limit_seconds=limit)

    def _round(self, standing: Standing) -> bool:
        """Train what is missing now; return whether another round may find more."""
        run, options, first = self.ongoing, self.settings.options, not self.rounds
        self.tracking.expect(standing)
        counts = _count(standing, self.settings, retry_failed=options.retry_failed and first)
        missing = [trial for trial in counts.missing if trial not in self.tried]
        retry_search = options.retry_failed and not self.searched
        searching = not missing and _searches(standing, retry_failed=retry_search)
        progress = _search_progress(standing)
        if searching and progress == self.progress_before:
            run.say(f"some trials of the search cannot make progress; `{run.study.command('status')}` names them")
            self.code = max(self.code, 1)
            return False
        if not first and not missing and (not searching or (self.searched and self.code)):
            return False
        _say_counts(counts, run.say)
        if first:
            _say_other_runs(run)
            write_manifest(run.ledger.storage, _manifest(standing, self.settings))
        if not missing and not searching:
            run.say("nothing to run: the ledger has everything")
            self.code = max(self.code, self._exit_code(standing))
            return False
        if first:
            # Before the data are read: a head that is gone must not cost a minute.
            check_address(self.settings.cluster)
            run.say_start()
        self.rounds += 1
        if missing:
            self.tried += missing
            self.code = max(self.code, train_trials(run, missing, known=standing.ended))
        elif standing.search is not None:
            self.searched, self.progress_before = True, progress
            self.code = max(self.code, train_search(run, standing.search, retry_failed=retry_search))
        study = standing.study
        return self.code != INTERRUPTED and (bool(study.stages) or study.search is not None)


def _searches(standing: Standing, *, retry_failed: bool) -> bool:
    """Return whether the search has something to train."""
    search = standing.search
    return search is not None and (not search.over or (retry_failed and bool(search.failed)))


def _search_progress(standing: Standing) -> tuple[int, int] | None:
    search = standing.search
    return None if search is None else (len(search.ended), search.epochs_trained)


def _endings(standing: Standing) -> list[tuple[str, str]]:
    """How and why the trials of the rows ended, as far as the rows read them, and those of the search that failed."""
    endings = {key: (record.outcome, record.reason) for key, record in standing.contents.records.items()}
    for trial in standing.trials:
        record = standing.contents.records.get(trial.key)
        if record is not None and record.outcome == TIMED_OUT:
            patience = trial.config.early_stopping_patience
            found = record.reading(epochs=trial.epochs, patience=patience, read="last")
            endings[trial.key] = found.outcome, record.reason
    for one in standing.search.failed if standing.search is not None else ():
        for trial, record in zip(one.trials, one.records, strict=False):
            if record is not None and record.outcome == FAILED:
                endings[trial.key] = record.outcome, record.reason
    return list(endings.values())


def _say_other_runs(run: RunContext) -> None:
    for beacon in live_beacons(run.ledger.storage):
        if beacon.study == run.study.name:
            run.say(
                f"another run of {run.study.name} is going on (process {beacon.process} on {beacon.host}): the two "
                "runs share the ledger but may train the same trials; stop one to save the double work"
            )


def _manifest(standing: Standing, settings: Settings[RunOptions]) -> Manifest:
    study = standing.study
    return Manifest(
        study.name,
        study.overrides,
        settings.seeds,
        standing.fingerprints,
        now(),
        provenance.command(),
        fraction=study.fraction,
        declared=study.seeds,
        modes=study.modes,
        looks=study.looks,
        datasets={slot: info.to_dict() for slot, info in study.own.catalog.measured.items()},
    )
