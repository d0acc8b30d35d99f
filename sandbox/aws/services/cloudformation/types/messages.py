"""SQS and SNS resources. moto ignores queue and topic policies in a template."""

from typing_extensions import override

from sandbox.aws.services.cloudformation.resource import (
    Created,
    Properties,
    ReplacementNeededError,
    ResourceType,
    pick,
    tag_list,
    tag_map,
)
from sandbox.aws.services.cloudformation.scope import Scope


class Queue(ResourceType):
    """AWS::SQS::Queue. moto's update changes two properties only."""

    name_property = "QueueName"
    longest_name = 80
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Every other property is a queue attribute of the same name."""
        full_name = name + (".fifo" if properties.get("FifoQueue") and not name.endswith(".fifo") else "")
        attributes = self._attributes(properties)
        url = scope.call("sqs", "create_queue", QueueName=full_name, Attributes=attributes, tags=tag_map(properties))[
            "QueueUrl"
        ]
        arn = f"arn:aws:sqs:{scope.region}:{scope.account}:{full_name}"
        return Created(url, {"Arn": arn, "QueueName": full_name, "QueueUrl": url})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """In place but for name and kind."""
        if pick(old, "QueueName", "FifoQueue") != pick(new, "QueueName", "FifoQueue"):
            raise ReplacementNeededError
        scope.call("sqs", "set_queue_attributes", QueueUrl=made.physical_id, Attributes=self._attributes(new))
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its messages."""
        scope.call("sqs", "delete_queue", QueueUrl=made.physical_id)

    @staticmethod
    def _attributes(properties: Properties) -> Properties:
        return {key: value for key, value in properties.items() if key not in {"QueueName", "Tags"}}


class QueuePolicy(ResourceType):
    """AWS::SQS::QueuePolicy. moto leaves it out with a warning."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Set on each queue."""
        for url in properties["Queues"]:
            attributes = {"Policy": properties["PolicyDocument"]}
            scope.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes=attributes)
        return Created(name, {"Id": name})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Set again."""
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Empty is no policy."""
        for url in properties["Queues"]:
            scope.call("sqs", "set_queue_attributes", QueueUrl=url, Attributes={"Policy": ""})


class Topic(ResourceType):
    """AWS::SNS::Topic with the subscriptions written in it."""

    name_property = "TopicName"
    longest_name = 256
    tagged = True

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the ARN."""
        attributes = pick(properties, "DisplayName", "KmsMasterKeyId", "FifoTopic", "TracingConfig")
        topic = scope.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tag_list(properties))
        arn = topic["TopicArn"]
        self._subscribe(scope, arn, properties.get("Subscription", []))
        return Created(arn, {"TopicArn": arn, "TopicName": name})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """In place but for name and kind; subscriptions come and go."""
        if pick(old, "TopicName", "FifoTopic") != pick(new, "TopicName", "FifoTopic"):
            raise ReplacementNeededError
        arn = made.physical_id
        for name in ("DisplayName", "KmsMasterKeyId"):
            if old.get(name) != new.get(name):
                value = new.get(name, "")
                scope.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName=name, AttributeValue=value)
        before, wanted = old.get("Subscription", []), new.get("Subscription", [])
        self._unsubscribe(scope, arn, [each for each in before if each not in wanted])
        self._subscribe(scope, arn, [each for each in wanted if each not in before])
        return made

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """With its subscriptions."""
        scope.call("sns", "delete_topic", TopicArn=made.physical_id)

    @staticmethod
    def _subscribe(scope: Scope, arn: str, subscriptions: list[Properties]) -> None:
        for subscription in subscriptions:
            scope.call("sns", "subscribe", TopicArn=arn, **pick(subscription, "Protocol", "Endpoint"))

    @staticmethod
    def _unsubscribe(scope: Scope, arn: str, subscriptions: list[Properties]) -> None:
        for found in scope.call("sns", "list_subscriptions_by_topic", TopicArn=arn)["Subscriptions"]:
            if pick(found, "Protocol", "Endpoint") in subscriptions:
                scope.call("sns", "unsubscribe", SubscriptionArn=found["SubscriptionArn"])


class TopicPolicy(ResourceType):
    """AWS::SNS::TopicPolicy. moto leaves it out with a warning."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Set on each topic."""
        for arn in properties["Topics"]:
            document = properties["PolicyDocument"]
            scope.call("sns", "set_topic_attributes", TopicArn=arn, AttributeName="Policy", AttributeValue=document)
        return Created(name, {"Id": name})

    @override
    def update(self, scope: Scope, made: Created, old: Properties, new: Properties) -> Created:
        """Set again."""
        return self.create(scope, made.physical_id, new)

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Back to the policy every topic starts with: its owner may do everything."""
        statement = {"Effect": "Allow", "Principal": {"AWS": scope.account}, "Action": "SNS:*", "Resource": "*"}
        default = {"Version": "2008-10-17", "Statement": [statement]}
        self.create(scope, made.physical_id, {**properties, "PolicyDocument": default})


class Subscription(ResourceType):
    """AWS::SNS::Subscription."""

    @override
    def create(self, scope: Scope, name: str, properties: Properties) -> Created:
        """Ref is the ARN, also of one that waits for its owner's confirmation."""
        attributes = pick(properties, "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")
        where = pick(properties, "TopicArn", "Protocol", "Endpoint")
        answer = scope.call("sns", "subscribe", **where, Attributes=attributes, ReturnSubscriptionArn=True)
        return Created(answer["SubscriptionArn"], {"Arn": answer["SubscriptionArn"]})

    @override
    def delete(self, scope: Scope, made: Created, properties: Properties) -> None:
        """Unsubscribe."""
        scope.call("sns", "unsubscribe", SubscriptionArn=made.physical_id)
