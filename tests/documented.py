"""Each documented setting, a change of it, and what must differ then.

`tests/test_failures_of_others.py` makes each change and looks, and sees that none is left out.
"""

from collections.abc import Callable, Mapping

from grace.governance.consent import check_is_reviewer
from grace.governance.policy import load_policy
from grace.opportunities import (
    improve_task_success,
    increase_activity,
    reduce_execution_time,
    reduce_wait_time,
)
from grace.opportunities.causes import diagnose
from grace.opportunities.waits import pressures
from grace.settings import Settings
from tasks.levers.signed_webhook import SignedWebhook
from tasks.webhook import secret_key
from tests.acting import (
    World,
    a_queue,
    causes,
    denser,
    forbids,
    kept_archives,
    known_enough,
    limit_for_time,
    limit_for_waits,
    may_apply,
    open_ones,
    opened,
    refused,
    resting,
    sent,
    words,
)

__all__ = ["ACTS", "SECRETS", "TESTED_ELSEWHERE", "VARIABLES"]

SECRETS = {
    "ONE_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "OTHER_SECRET": "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
}

Observed = Callable[[World], object]
HOOK = '[webhooks.a]\nurl = "https://a.example/1"\nsecret_variable = "ONE_SECRET"\n'
NAMED = '[learning]\nthreshold_variable = "sure_from"\n'
RETRAIN = '[learning]\nretrain = "train/again"\n'

# each key of governance.toml, a line that changes it, what then differs, and what stands before it
ACTS: Mapping[str, tuple[str, Observed, str]] = {
    "reviewers": (
        'reviewers = ["bob"]',
        lambda it: refused(lambda: check_is_reviewer("ann", it.policy)),
        "",
    ),
    "assurance.low": ('low = "signature"', lambda it: known_enough(it, "low"), ""),
    "assurance.medium": ('medium = "signed in"', lambda it: known_enough(it, "medium"), ""),
    "assurance.high": ('high = "signature"', lambda it: known_enough(it, "high"), ""),
    "changes_a_day": ("changes_a_day = 0", may_apply, ""),
    "open_proposals": ("open_proposals = 1", open_ones, ""),
    "deadline_hours": ("deadline_hours = 5", lambda it: it.drawn().deadline, ""),
    "rest_days": ("rest_days = 0", resting, ""),
    "measuring.pairs": ("pairs = 8", lambda it: it.drawn(flow_runs=()).plan.order, ""),
    "measuring.least_block_seconds": (
        "least_block_seconds = 9999",
        lambda it: it.drawn(flow_runs=()).plan.block_seconds,
        "",
    ),
    "measuring.effect_share": (
        "effect_share = 0.3",
        lambda it: it.drawn().plan.smallest_effect,
        "",
    ),
    "measuring.longest_days": (
        "longest_days = 3",
        lambda it: it.drawn().plan.trial.longest_seconds,
        "",
    ),
    "measuring.guardrail_factor": (
        "guardrail_factor = 9",
        lambda it: it.drawn().plan.trial.guardrails,
        "",
    ),
    "measuring.on_no_effect": (
        'on_no_effect = "keep"',
        lambda it: it.drawn().plan.on_no_effect,
        "",
    ),
    "earning.executions": ("executions = 60", lambda it: it.earned()[0].missing, ""),
    "earning.success_rate": ("success_rate = 0.99", lambda it: it.earned()[0].missing, ""),
    "earning.waited": ('waited = ["on hold"]', lambda it: it.earned()[0].waited, ""),
    "earning.succeeded": ('succeeded = ["fine"]', lambda it: it.earned()[0].well, ""),
    "risk.irreversible": ("irreversible = 0.1", World.weighed, ""),
    "risk.shared": ("shared = 0.1", World.weighed, ""),
    "risk.evidence": ("evidence = 0.1", World.weighed, ""),
    "risk.novelty": ("novelty = 0.3", lambda it: it.weighed(ended=0), ""),
    "risk.track_record": ("track_record = 0.1", World.weighed, ""),
    "risk.medium_from": ("medium_from = 0.1", World.tiers, ""),
    "risk.high_from": ("high_from = 0.9", World.tiers, ""),
    "learning.retrain": ('retrain = "train/again"', lambda it: it.learned(0.6, None, 0.7), ""),
    "learning.model_parameter": (
        'model_parameter = "model"',
        lambda it: it.learned(0.6, None, 0.7),
        RETRAIN,
    ),
    "learning.threshold_variable": (
        'threshold_variable = "sure_from"',
        lambda it: it.learned(0.9, 0.6, 0.7),
        "",
    ),
    "learning.threshold_step": (
        "threshold_step = 0.1",
        lambda it: it.learned(0.9, 0.6, 0.7),
        NAMED,
    ),
    "learning.threshold_lowest": (
        "threshold_lowest = 0.58",
        lambda it: it.learned(0.6, 0.95, 0.6),
        NAMED,
    ),
    "learning.threshold_highest": (
        "threshold_highest = 0.72",
        lambda it: it.learned(0.9, 0.6, 0.7),
        NAMED,
    ),
    "optimizer.execution_seconds": (
        "execution_seconds = 50.0",
        lambda it: reduce_execution_time.gate_of(it.policy.optimizer).threshold,
        "",
    ),
    "optimizer.execution_target": (
        "execution_seconds = 10.0\nexecution_target = 9.0",
        limit_for_time,
        "",
    ),
    "optimizer.wait_seconds": (
        "wait_seconds = 20.0",
        lambda it: it.gate(reduce_wait_time.stream_of, pressures(a_queue().frame())[0]),
        "",
    ),
    "optimizer.wait_target": ("wait_target = 0.1", limit_for_waits, ""),
    "optimizer.task_success": (
        "task_success = 0.5",
        lambda it: improve_task_success.gate_of(it.policy.optimizer).threshold,
        "",
    ),
    "optimizer.events_an_hour": (
        "events_an_hour = 2.0",
        lambda it: it.gate(increase_activity.stream_of, []),
        "",
    ),
    "optimizer.events_target": ("events_target = 12.0", denser, ""),
    "optimizer.window_hours": ("window_hours = 5.0", causes, ""),
    "optimizer.fewest_runs": (
        "fewest_runs = 9",
        lambda it: [len(e.causes) for e in diagnose(a_queue().frame(), rules=it.policy.optimizer)],
        "",
    ),
    "optimizer.own_pool": (
        'own_pool = "mine"',
        lambda it: reduce_wait_time._no_lever("work-pool:mine", it.policy.optimizer, None),
        "",
    ),
    "retention.keep_daily": ("keep_daily = 3", kept_archives, ""),
    "retention.keep_weekly": ("keep_weekly = 3", kept_archives, ""),
    "retention.keep_monthly": ("keep_monthly = 3", kept_archives, ""),
    "webhooks.url": ('url = "https://b.example/2"', sent, HOOK),
    "webhooks.undo_url": (
        'undo_url = "https://a.example/undo"',
        lambda it: SignedWebhook(it.settings).reverses("webhook:a"),
        HOOK,
    ),
    "webhooks.secret_variable": (
        'secret_variable = "OTHER_SECRET"',
        lambda it: secret_key("a", it.policy.webhooks["a"]),
        HOOK,
    ),
}


# each variable, what it is set to ({folder} is an empty one), and what then differs
VARIABLES: Mapping[str, tuple[str, Callable[[Settings], object]]] = {
    "GRACE_DATA_DIR": ("{folder}/elsewhere", opened),
    "GRACE_LOG": ("prod", opened),
    "GRACE_DATABASE_URL": ("sqlite:///{folder}/own.db", opened),
    "GRACE_POLICY_FILE": ("{folder}/own.cedar", forbids),
    "GRACE_GOVERNANCE_FILE": ("{folder}/own.toml", lambda it: load_policy(it).reviewers),
    **{
        f"GRACE_ANALYSIS_{name.upper()}": ('["so it is"]', words(name))
        for name in ("executed", "open", "approved", "refused", "cancelled")
    },
}

# what needs a server, a process or a block: which test changes it and sees what it does
TESTED_ELSEWHERE: Mapping[str, tuple[str, str]] = {
    "GRACE_CHECKPOINT_URL": ("tests/notary/test_publishing.py", "checkpoint_url"),
    "GRACE_HOST": ("tests/installation", "GRACE_HOST"),
    "GRACE_PORT": ("tests/installation/test_running_system.py", "taken < system.installation.port"),
    "GRACE_PREFECT_DUMPED_FOR": ("tests/installation/test_prefect_database.py", "dumped_for"),
    "GRACE_NOTIFY_BLOCK": ("tests/tasks/test_notices.py", "notify_block"),
    "GRACE_CONNECT_CREDENTIAL": ("tests/watched", "GRACE_CONNECT_CREDENTIAL"),
    "webhooks.secret_block": ("tests/tasks/test_webhook_lever.py", "secret_block"),
}
