# One consumer of the bus: a function, the rule that calls it, and a queue for what it did not take.
variable "name" { type = string }
variable "bus" { type = string }
variable "pattern" { type = string }
variable "code" { type = string }
variable "environment" { type = map(string) }
variable "retries" { type = number }
variable "age_s" { type = number }
variable "may" {
  type    = object({ actions = list(string), resource = string })
  default = null
}

resource "aws_cloudwatch_event_rule" "shipped" {
  name           = var.name
  event_bus_name = var.bus
  event_pattern  = var.pattern
}

resource "aws_cloudwatch_event_target" "function" {
  rule           = aws_cloudwatch_event_rule.shipped.name
  event_bus_name = var.bus
  target_id      = var.name
  arn            = aws_lambda_function.consumer.arn
  retry_policy {
    maximum_retry_attempts       = var.retries
    maximum_event_age_in_seconds = var.age_s
  }
  dead_letter_config {
    arn = aws_sqs_queue.dlq.arn
  }
}

resource "aws_sqs_queue" "dlq" { # a standard one: a rule's dead letters go to no other
  name                      = "${var.name}-dlq"
  message_retention_seconds = 1209600
}

resource "aws_sqs_queue_policy" "dlq" {
  queue_url = aws_sqs_queue.dlq.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.dlq.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.shipped.arn } }
    }]
  })
}

resource "aws_lambda_function" "consumer" {
  function_name = var.name
  role          = aws_iam_role.consumer.arn
  runtime       = "python3.12"
  handler       = "${var.name}.handler"
  filename      = var.code
  timeout       = 10
  environment {
    variables = var.environment
  }
}

resource "aws_lambda_permission" "rule" {
  function_name = aws_lambda_function.consumer.function_name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.shipped.arn
}

resource "aws_iam_role" "consumer" {
  name = "orders-shipped-${var.name}"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.consumer.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "consumer" {
  count = var.may == null ? 0 : 1
  name  = "writes"
  role  = aws_iam_role.consumer.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = var.may.actions, Resource = var.may.resource }]
  })
}
