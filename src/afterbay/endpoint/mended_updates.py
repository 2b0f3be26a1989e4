"""moto's update expressions, where it refuses what AWS takes, passes over what AWS refuses, or tells it otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, TypeAlias

from afterbay.endpoint.capture import ValidationError

if TYPE_CHECKING:
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import DynamoType
    from moto.dynamodb.parsing.validators import ExpressionAttributeResolvingProcessor

__all__ = ["mend_updates"]

_OF_THE_ITEM = "afterbay_of_the_item"
"""A member of moto's nodes: the value was read out of the item."""

Transact: TypeAlias = "Callable[[DynamoDBBackend, list[dict[str, object]]], None]"


def mend_updates(replace: Callable[[object, str, object], None]) -> None:
    """``replace`` puts the last in the place of what the first two name. In moto's thread."""
    from moto.dynamodb.models import DynamoDBBackend
    from moto.dynamodb.models.dynamo_type import DynamoType
    from moto.dynamodb.parsing.validators import (
        ExecuteOperations,
        ExpressionAttributeResolvingProcessor,
        UpdateExpressionFunctionEvaluator,
        UpdateHashRangeKeyValidator,
    )

    replace(DynamoType, "__setitem__", _inside(DynamoType.__setitem__))
    replace(DynamoType, "pop", _inside(DynamoType.pop))
    replace(DynamoDBBackend, "transact_write_items", _cancelling(DynamoDBBackend.transact_write_items))
    resolve = ExpressionAttributeResolvingProcessor.process_expression_path_node
    replace(ExpressionAttributeResolvingProcessor, "process_expression_path_node", _copying(resolve))
    execute = ExecuteOperations.process_update_expression_value
    replace(ExecuteOperations, "process_update_expression_value", _of_numbers(execute))
    listed = UpdateExpressionFunctionEvaluator.get_list_from_ddb_typed_value
    replace(UpdateExpressionFunctionEvaluator, "get_list_from_ddb_typed_value", staticmethod(_of_lists(listed)))
    name = "check_for_hash_or_range_key"
    replace(UpdateHashRangeKeyValidator, name, _of_changes(UpdateHashRangeKeyValidator.check_for_hash_or_range_key))


def _inside(change: Callable[..., object]) -> Callable[..., object]:
    """A change of a part of a value, refused where the value has no such part: moto passed over it, or failed."""
    from moto.dynamodb.exceptions import InvalidUpdateExpressionInvalidDocumentPath

    def checked(value: DynamoType, key: object, *others: object) -> object:
        if not (value.is_map() if isinstance(key, str) else value.is_list()):
            raise InvalidUpdateExpressionInvalidDocumentPath
        return change(value, key, *others)

    return checked


def _cancelling(transact: Transact) -> Transact:
    """A transaction whose update fails for what an item holds is cancelled, with a reason in its place.

    moto refuses the whole request, as if the update were malformed; of the error that is raised here it makes a reason.
    """
    from moto.dynamodb import exceptions

    of_the_item = (
        exceptions.AttributeDoesNotExist,
        exceptions.IncorrectDataType,
        exceptions.InvalidUpdateExpressionInvalidDocumentPath,
        exceptions.ItemSizeToUpdateTooLarge,
    )

    def transact_write_items(tables: DynamoDBBackend, transact_items: list[dict[str, object]]) -> None:
        update_item = tables.update_item

        def update(*given: object, **named: object) -> object:
            try:
                return update_item(*given, **named)  # type: ignore[arg-type]
            except of_the_item as error:
                raise ValidationError("ValidationException", error.message) from error

        vars(tables)["update_item"] = update  # for this call only: by itself, an update is refused
        try:
            transact(tables, transact_items)
        finally:
            del vars(tables)["update_item"]

    return transact_write_items


def _copying(resolve: Callable[..., object]) -> Callable[..., object]:
    """A value that is read out of the item is a copy, and known for one: after SET a = b moto changed both documents
    with either."""

    def copied(processor: ExpressionAttributeResolvingProcessor, path: object) -> object:
        if not processor.resolving:
            return resolve(processor, path)
        found = deepcopy(resolve(processor, path))
        vars(found)[_OF_THE_ITEM] = True
        return found

    return copied


def _of_numbers(execute: Callable[..., object]) -> Callable[..., object]:
    """A sum of what are no numbers: a value of the request is named with its type, one of the item fails the update for
    what the item holds. moto named the left one's type, whichever was wrong."""

    def checked(processor: object, node: object) -> object:
        children: Sequence[object] = vars(node)["children"]
        if len(children) == 3:
            left, operator, right = children
            _refuse_operands((left, right), str(vars(operator)["children"][0]), "N")
        return execute(processor, node)

    return checked


def _of_lists(listed: Callable[..., object]) -> Callable[..., object]:
    """A list to append that is not there is refused; moto failed. What is no list is refused as what is no number."""
    from moto.dynamodb.exceptions import AttributeDoesNotExist
    from moto.dynamodb.parsing import ast_nodes

    absent: type = vars(ast_nodes)["NoneExistingPath"]

    def checked(node: object, function: str) -> object:
        if isinstance(node, absent):
            raise AttributeDoesNotExist
        _refuse_operands((node,), function, "L")
        return listed(node, function)

    return checked


def _refuse_operands(operands: Sequence[object], operator: str, kind: str) -> None:
    """Raises moto's errors for an operand of another type than ``kind``; first for one that the request itself has."""
    from moto.dynamodb.exceptions import IncorrectDataType, IncorrectOperandType

    of_the_item = False
    for members in map(vars, operands):
        value: DynamoType = members["children"][0]
        if value.type == kind:
            continue
        if _OF_THE_ITEM not in members:
            raise IncorrectOperandType(operator, value.type)
        of_the_item = True
    if of_the_item:
        raise IncorrectDataType


def _of_changes(check: Callable[..., object]) -> Callable[..., object]:
    """A key may not be changed, but it may be read: moto refused SET a = pk, too."""
    from moto.dynamodb.parsing import ast_nodes

    nodes: Mapping[str, type] = vars(ast_nodes)  # this part of moto has no types
    actions = (nodes["UpdateExpressionAction"], nodes["UpdateExpressionSetAction"])

    def checked(validator: object, path: object) -> object:
        parent: object = vars(path)["parent"]
        return check(validator, path) if isinstance(parent, actions) else path

    return checked
