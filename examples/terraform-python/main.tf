# What plan.json says, in Terraform's own language. `terraform plan -out plan && terraform show -json plan > plan.json`.
resource "aws_dynamodb_table" "orders" {
  name             = "orders-dev"
  billing_mode     = "PAY_PER_REQUEST"
  hash_key         = "customer"
  range_key        = "order"
  stream_enabled   = true
  stream_view_type = "NEW_AND_OLD_IMAGES"
  attribute {
    name = "customer"
    type = "S"
  }
  attribute {
    name = "order"
    type = "S"
  }
}

resource "aws_dynamodb_table" "customers" {
  name         = "customers-dev"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "customer"
  attribute {
    name = "customer"
    type = "S"
  }
}

resource "aws_sqs_queue" "letters" {
  name = "letters-dev"
}

data "archive_file" "count" {
  type        = "zip"
  source_dir  = "./src"
  output_path = "./build/count.zip"
}

resource "aws_lambda_function" "count" {
  function_name = "count-dev"
  role          = "arn:aws:iam::000000000000:role/count"
  runtime       = "python3.12"
  handler       = "app.handler"
  filename      = data.archive_file.count.output_path
  timeout       = 10
  environment {
    variables = { CUSTOMERS = "customers-dev" }
  }
}

resource "aws_lambda_event_source_mapping" "changes" {
  event_source_arn               = aws_dynamodb_table.orders.stream_arn
  function_name                  = aws_lambda_function.count.function_name
  starting_position              = "TRIM_HORIZON"
  maximum_retry_attempts         = 2
  bisect_batch_on_function_error = true
  function_response_types        = ["ReportBatchItemFailures"]
  destination_config {
    on_failure {
      destination_arn = aws_sqs_queue.letters.arn
    }
  }
}
