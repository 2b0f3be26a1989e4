"""Faults for the demo's checks, each planted in a copy of one thing that it left behind: a file, a table, a queue."""

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from afterbay.cli.demo.clients import Clients
from afterbay.cli.demo.orders import Fate, Life
from afterbay.cli.demo.places import Names, Places
from afterbay.cli.demo.queue import peek


class Planter:
    """Copies, with one thing changed in each. Every method returns the places with the copy in them."""

    def __init__(self, places: Places, lives: list[Life], clients: Clients, folder: Path) -> None:
        self._places = places
        self._clients = clients
        self._folder = folder
        shipped = next(life for life in lives if life.fate is Fate.SHIPPED)
        self._pk = shipped.order.pk

    # ---- the sinks

    def row_lost(self) -> Places:
        return self._sqlite("DELETE FROM orders WHERE pk = ?", self._pk)

    def last_digit_wrong(self) -> Places:
        wrong = "json_set(item, '$.amount_cents', json_extract(item, '$.amount_cents') + 1)"
        return self._sqlite(f"UPDATE orders SET item = {wrong} WHERE pk = ?", self._pk)

    def token_too_low(self) -> Places:
        """The guard's memory of the last change is gone: a replay finds it newer, and applies it."""
        return self._sqlite("UPDATE orders SET _tok = substr(_tok, 1, 24) || ? WHERE pk = '" + self._pk + "'", "0" * 40)

    def row_too_many(self) -> Places:
        items = self._clients.dynamodb.scan(TableName=self._places.copy)["Items"]
        name = f"{Names.COPY}-{self._folder.name}"[:255]
        self._clients.dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        for item in [*items, {**items[0], "pk": {"S": "order#nobody-made"}}]:
            self._clients.dynamodb.put_item(TableName=name, Item=item)
        return replace(self._places, copy=name)

    def _sqlite(self, statement: str, value: str) -> Places:
        target = self._folder / "sink.sqlite3"
        with closing(sqlite3.connect(self._places.sqlite)) as source, closing(sqlite3.connect(target)) as database:
            source.backup(database)
            changed = database.execute(statement, (value,)).rowcount
            database.commit()
        assert changed == 1
        return replace(self._places, sqlite=target)

    # ---- the function's notes

    def delivery_lost(self) -> Places:
        notes = self._notes()
        mine = [note for note in notes if note["key"] == self._pk]
        return self._noted([note for note in notes if note["sequence"] != mine[1]["sequence"]])

    def changes_swapped(self) -> Places:
        notes = self._notes()
        first, second = [place for place, note in enumerate(notes) if note["key"] == self._pk][:2]
        assert notes[first]["sequence"] != notes[second]["sequence"]
        notes[first], notes[second] = notes[second], notes[first]
        return self._noted(notes)

    def _notes(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self._places.witness.read_text().splitlines()]

    def _noted(self, notes: list[dict[str, str]]) -> Places:
        target = self._folder / "witness.jsonl"
        target.write_text("".join(json.dumps(note) + "\n" for note in notes))
        return replace(self._places, witness=target)

    # ---- the failure queue

    def letter_missing(self) -> Places:
        return self._queue([])

    def second_letter(self) -> Places:
        return self._queue([self._letter(), self._letter()])

    def letter_of_two_records(self) -> Places:
        document = json.loads(self._letter())
        document["DDBStreamBatchInfo"]["batchSize"] = 2
        return self._queue([json.dumps(document)])

    def _letter(self) -> str:
        (letter,) = peek(self._clients.queues, self._places.queue_url)
        return letter

    def _queue(self, letters: list[str]) -> Places:
        url = self._clients.queues.create_queue(QueueName=f"letters-{self._folder.name}"[:80])["QueueUrl"]
        for letter in letters:
            self._clients.queues.send_message(QueueUrl=url, MessageBody=letter)
        return replace(self._places, queue_url=url)

    # ---- no copy but the thing itself

    def mapping_disabled(self) -> Places:
        self._clients.functions.update_event_source_mapping(UUID=self._places.mapping, Enabled=False)
        return self._places

    def nothing(self) -> Places:
        """Copies of everything, and no fault: what fails otherwise would be the copying."""
        witness = Path(shutil.copy(self._places.witness, self._folder))
        sqlite = self._sqlite("UPDATE orders SET pk = pk WHERE pk = ?", self._pk).sqlite
        queue_url = self._queue([self._letter()]).queue_url
        return replace(self._places, witness=witness, sqlite=sqlite, queue_url=queue_url)
