"""Have Prefect send a message when a night fails, crashes, or is late.

Run once against your server:

PREFECT_API_URL=... NOTIFY_URL=... python docs/automations/notify.py

NOTIFY_URL is an incoming web hook that takes {"text": ...}, as Slack's, Mattermost's and Rocket.Chat's do. It is kept in a block
on the server, never in a file of yours. Prefect has further blocks (mail, PagerDuty, Teams): `prefect block type ls`.
"""

import os
from datetime import timedelta

from prefect.automations import Automation
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import EventTrigger, Posture

BLOCK = "nightschool-notify"
STATES = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut", "prefect.flow-run.Late"}


def main() -> None:
    """Save the address as a block, and make or renew the automation."""
    hook = CustomWebhookNotificationBlock(
        name=BLOCK, url=os.environ["NOTIFY_URL"], json_data={"text": "{{subject}}\n{{body}}"}
    )
    block = hook.save(BLOCK, overwrite=True)
    wanted = Automation(
        name="a night needs a person",
        trigger=EventTrigger(
            expect=STATES,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            SendNotification(
                block_document_id=block,
                subject="Nightschool: {{ flow.name }} is {{ flow_run.state.name }}",
                body="{{ flow_run.name }}: {{ flow_run.state.message }}\nnightschool report, nightschool doctor",
            )
        ],
    )
    try:
        known = Automation.read(name=wanted.name)
    except ValueError:
        wanted.create()
        return
    wanted.id = known.id
    wanted.update()


if __name__ == "__main__":
    main()
